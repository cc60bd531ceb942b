/* What setting a manifest and updating it have in common. */
#pragma once
#include "coordinator/coordinator.h"
#include "store/store.h"

/* Parsed, and checked whole; every secret's definition can be carried out. */
error *new_manifest_read(bytes text, struct manifest **ret) MUST_USE;
/* Templates and TLS tags of a manifest, tried before anybody is asked to acknowledge it. */
error *new_manifest_try(const struct mesh *mesh, bytes text) MUST_USE;
/* Stores the text, signed by the root key. */
error *new_manifest_put(struct transaction *txn, const struct manifest *m, EVP_PKEY *root_key) MUST_USE;
/* Seals the state with a new key, as the manifest wants it, and makes the parts of that key for those who may
 * recover it. */
error *recovery_secrets_make(struct transaction *txn, const struct manifest *m,
			     struct named_blobs *ret) MUST_USE;
/* Seals it with the key that it has, as the manifest wants it. */
error *state_reseal(struct transaction *txn, const struct manifest *m) MUST_USE;
/* For log entries: {"manifestFingerprint": hex}; NULL without memory. */
json_t *fingerprint_field(const struct manifest *m);
