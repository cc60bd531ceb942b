/* What a store keeps its state in: a small table of functions. */
#pragma once
#include "store/store.h"

/* One changed name. A deleted one has no value. */
struct change {
	const char *name;
	bytes value;
	bool deleted;
};

struct store_backend {
	/* Makes all changes durable or none, and the head that they lead to; says which. */
	error *(*commit)(void *context, const struct change *changes, size_t count,
			 const struct store_head *head);
	void (*close)(void *context);
};

/* An empty store on a backend; takes `context` over, in failure too. */
error *store_new(const struct store_backend *backend, void *context, struct store **ret) MUST_USE;
