/* A renewal: what an update makes new. A new intermediate, and with it every certificate; new values
 * for secrets that are new or defined otherwise, or all of them when the root secret is rotated.
 * It is prepared against a snapshot while nothing is locked, since keys take long to make. */
#pragma once
#include "coordinator/mesh.h"

struct renewal {
	struct ca ca;
	const struct manifest *manifest; /* borrowed: the one that is to hold */
	struct secret_value *values;     /* same order as its secrets; set: to be stored */
	struct secret root_secret;       /* empty: not rotated */
};
error *renewal_prepare(const struct mesh *before, const struct manifest *manifest,
		       const struct san_list *names, bool rotate_root_secret, int64_t now,
		       struct renewal *ret) MUST_USE;
/* Writes it: values that go, values that come, what `.Previous` shows, the authority. */
error *renewal_write(struct renewal *renewal, const struct mesh *before, struct transaction *txn) MUST_USE;
void renewal_free(struct renewal *renewal);
DEFINE_CLEANUP_IN_PLACE(renewal_free, struct renewal)
