/* What a store keeps its state in: a small table of functions. */
#pragma once
#include "store/map.h"
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
	/* The same, writing the whole: `all` is every name that is there; `sealing` NULL: sealed as it is. NULL:
	 * commit does. */
	error *(*rewrite)(void *context, const struct change *all, size_t count,
			  const struct store_head *head, const struct sealing *sealing);
	/* Is it time to write the whole? NULL: never. */
	bool (*crowded)(void *context);
	/* NULL members: it is never locked. */
	const char *(*locked)(void *context);
	bytes (*public_section)(void *context);
	bool (*foreign)(void *context); /* what is there is not of a form that this backend writes */
	error *(*unlock)(void *context, bytes state_key, struct map *ret, struct store_head *ret_head);
	void (*lock)(void *context, const char *why);
	void (*close)(void *context);
};

/* A store on a backend, with what that has read; takes `context` over, in failure too. */
error *store_new(const struct store_backend *backend, void *context, struct map *read,
		 const struct store_head *head, struct store **ret) MUST_USE;
