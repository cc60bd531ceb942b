/* The audit log: what happened to the deployment, each entry linked to the one before it by digest, so
 * that whoever has seen a head can tell whether the log still begins as it did.
 *
 * An entry is a line of JSON: "time", then "update" (entries of the public update log) or "audit" (the
 * others) with what happened, then the particulars. Its digest is
 * SHA-256("marblerun audit v1", NUL, digest of the entry before (32 zeros for the first),
 * be64 number (from 1), be32 size, entry). */
#pragma once
#include "codec/json.h"
#include "store/store.h"

struct audit_head {
	uint64_t entries;
	uint8_t digest[32];
};
enum audit_kind { AUDIT_UPDATE, AUDIT_OTHER };

/* Appends; takes `fields` (an object or NULL) over, in failure too. */
error *audit_append(struct transaction *txn, int64_t now, enum audit_kind kind, const char *what,
		    json_t *fields) MUST_USE;
/* Zeros before the first entry. */
error *audit_head_read(struct transaction *txn, struct audit_head *ret) MUST_USE;
/* The line of entry `number` (from 1): valid until the transaction writes. ERROR_NOT_FOUND. */
error *audit_entry(struct transaction *txn, uint64_t number, bytes *ret) MUST_USE;
/* Is it of the public update log? */
bool audit_is_update(bytes entry);
