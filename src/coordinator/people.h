/* What users do, each named by the certificate (DER) of the TLS connection that carries the request. */
#pragma once
#include "coordinator/audit.h"
#include "coordinator/coordinator.h"

/* ---- Updates of the manifest ---- */

struct update_result {
	size_t missing_acknowledgments; /* 0: it is applied */
	struct name_list {
		char **items;
		size_t count;
	} missing_users;
	struct named_blobs recovery; /* new recovery secrets, when recovery keys changed */
};
void update_result_free(struct update_result *result);
DEFINE_CLEANUP_IN_PLACE(update_result_free, struct update_result)
/* A manifest of nothing but packages' SecurityVersions is applied at once; any other waits until
 * enough users acknowledge it, of whom the caller is the first. ERROR_CONFLICT while another waits. */
error *coordinator_update(struct coordinator *c, bytes user_certificate, bytes text, int64_t now,
			  struct update_result *ret) MUST_USE;
/* `text` must be the waiting manifest, byte by byte. ERROR_NOT_FOUND when none waits. */
error *coordinator_acknowledge_update(struct coordinator *c, bytes user_certificate, bytes text,
				      int64_t now, struct update_result *ret) MUST_USE;
error *coordinator_cancel_update(struct coordinator *c, bytes user_certificate, int64_t now) MUST_USE;
/* Who must still acknowledge what waits in the snapshot. ERROR_NOT_FOUND when nothing does. */
error *mesh_pending_update(const struct mesh *mesh, struct update_result *ret) MUST_USE;

/* What an update would mean, for any user: of this text, or of the pending update when it is empty
 * (ERROR_NOT_FOUND when none is). Refuses what the update itself would refuse. JSON: diff/diff.h. */
error *coordinator_diff(struct coordinator *c, bytes user_certificate, bytes text, json_t **ret) MUST_USE;

/* ---- Secrets ---- */

/* May the user read all of these? Then *ret is the snapshot that has them. With a count of 0 it only
 * says whether this is a user at all. */
error *coordinator_read_secrets(struct coordinator *c, bytes user_certificate, const char *const *names,
				size_t count, int64_t now, struct mesh **ret) MUST_USE;
/* {name: {"Key": base64} | {"Cert": base64 of DER, "Private": base64 of PKCS#8 DER}}: all or none. */
error *coordinator_write_secrets(struct coordinator *c, bytes user_certificate, json_t *uploads,
				 int64_t now) MUST_USE;

/* ---- Recovery ---- */

/* A recovery secret: plain (32 or 33 bytes; 16 for old clients), else encrypted to the key of
 * coordinator_recovery_key, with its owner's signature over the plain one. *ret_remaining: how many are still
 * needed; 0: the state is open. */
error *coordinator_recover(struct coordinator *c, bytes recovery_secret, bytes signature, int64_t now,
			   size_t *ret_remaining) MUST_USE;
/* SubjectPublicKeyInfo DER of an RSA key for this recovery. */
error *coordinator_recovery_key(struct coordinator *c, struct blob *ret) MUST_USE;

/* ---- The log ---- */

/* Entries from `first` (from 1) on, at most `most`. */
struct log_page {
	struct audit_head head;
	struct blob signature; /* ASN.1 ECDSA by the root key over what audit_statement writes */
	struct blob *entries;
	size_t count;
};
error *coordinator_log(struct coordinator *c, uint64_t first, size_t most, bool updates_only,
		       struct log_page *ret) MUST_USE;
void log_page_free(struct log_page *page);
DEFINE_CLEANUP_IN_PLACE(log_page_free, struct log_page)

/* ---- Features that a manifest must ask for ---- */

/* ECDSA by the root key over SHA-256(base64(quote) ‖ TCB status). */
error *coordinator_sign_quote(struct coordinator *c, bytes quote, int64_t now, struct blob *ret_signature,
			      enum marblerun_tcb_status *ret_status) MUST_USE;
/* Raises the counter of the marble whose certificate this is to `value`, if that is more. */
error *coordinator_monotonic_counter(struct coordinator *c, bytes marble_certificate, bytes name,
				     uint64_t value, int64_t now, uint64_t *ret_previous) MUST_USE;
