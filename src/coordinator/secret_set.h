/* The secrets of one manifest: definitions, the values that last, and the root secret from which
 * per-marble keys are derived. */
#pragma once
#include "secrets/secret_value.h"
#include "store/store.h"

struct secret_set {
	const struct secret_definition *definitions; /* sorted by name; borrowed from a manifest */
	size_t count;
	struct secret_value *values; /* same order; set for shared and uploaded ones only */
	struct secret root_secret;
};

/* Position of a name; false when there is none. */
bool secret_set_find(const struct secret_set *set, bytes name, size_t *ret_index);
/* Reads the values below `prefix` ("secrets/") and the root secret called `root_name`. */
error *secret_set_load(struct transaction *txn, const char *prefix, const char *root_name,
		       const struct secret_definition *definitions, size_t count,
		       struct secret_set *ret) MUST_USE;
/* Writes one value. */
error *secret_set_store(struct transaction *txn, const char *prefix,
			const struct secret_value *value) MUST_USE;
void secret_set_free(struct secret_set *set);
DEFINE_CLEANUP_IN_PLACE(secret_set_free, struct secret_set)
