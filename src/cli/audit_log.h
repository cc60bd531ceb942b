/* The coordinator's audit log, recomputed entry by entry. */
#pragma once
#include "cli/coordinator.h"

enum { AUDIT_DIGEST_SIZE = 32 };

/* How many entries, and the digest of the last, which covers all before; zeros of none. */
struct audit_head {
	uint64_t count;
	uint8_t digest[AUDIT_DIGEST_SIZE];
};
struct audit_log {
	json_t *entries; /* array of strings, each a JSON object */
	struct audit_head head;
};
void audit_log_free(struct audit_log *log);
DEFINE_CLEANUP_IN_PLACE(audit_log_free, struct audit_log)

/* Adds the entry behind the head to the chain. */
error *audit_link(struct audit_head *head, bytes entry) MUST_USE;
/* ASN.1 ECDSA by the root key. */
error *audit_check_signature(const struct audit_head *head, bytes signature, X509 *root) MUST_USE;

/* Heads that were verified before: of a statement, and of the log itself. */
struct audit_seen {
	struct audit_head heads[2];
	size_t count;
};
/* All of the log, its chain and the root key's signature on its head verified. *ret_as_seen: whether the
 * log passes through every head that was seen. */
error *audit_log_fetch(struct coordinator *c, const struct audit_seen *seen, struct audit_log *ret,
		       bool *ret_as_seen) MUST_USE;
