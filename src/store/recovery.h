/* Recovery: the state key in the hands of those who may bring the state back (public contract, section 7,
 * "Recovery"). */
#pragma once
#include "base/blob.h"
#include "base/secret.h"
#include "manifest/model.h"

enum { STATE_KEY_SIZE = 32, SHARE_SIZE = STATE_KEY_SIZE, THRESHOLD_SHARE_SIZE = SHARE_SIZE + 1 };

/* How many shares bring the state back; 0: nothing can. */
size_t recovery_needed(const struct manifest *m);

/* The state key in parts, one for each recovery key, in their order. */
struct recovery_parts {
	/* RSA-OAEP with SHA-256, no label: the state key itself for one key; XOR shares when all are
	 * needed; Shamir's shares with a threshold below that. */
	struct blob *encrypted;
	size_t count;
	/* What stands unencrypted beside the state: how many parts are needed, and for each its owner's name
	 * and public key and the part's digest. It only serves to tell early what is wrong: the host may have
	 * written it. */
	struct blob public_section;
};
error *recovery_split(const struct manifest *m, bytes state_key, struct recovery_parts *ret) MUST_USE;
void recovery_parts_free(struct recovery_parts *parts);
DEFINE_CLEANUP_IN_PLACE(recovery_parts_free, struct recovery_parts)

/* A recovery under way: collects parts until the key is there. Not thread-safe. */
struct recovery;
/* From the public section that the host gave. ERROR_INVALID when it is none of ours. */
error *recovery_begin(bytes public_section, struct recovery **ret) MUST_USE;
void recovery_free(struct recovery *r);
DEFINE_CLEANUP(recovery_free, struct recovery *)
/* Takes a part in. `signature`: RSA PKCS#1 v1.5 with SHA-256 over the part, by its owner's key. Refusals
 * change nothing: ERROR_DENIED for a part or signature that is wrong, ERROR_CONFLICT for a part that is in
 * already. *ret_remaining: how many are still needed. */
error *recovery_add(struct recovery *r, bytes part, bytes signature, size_t *ret_remaining) MUST_USE;
/* The state key, when nothing remains. */
error *recovery_key(const struct recovery *r, struct secret *ret) MUST_USE;
/* The parts that were taken in begin anew. */
void recovery_forget(struct recovery *r);
/* Now that the state is open: were the parts signed by the recovery keys of its own manifest, by as many
 * as it asks for? Else somebody made up a state with a key that he knows. ERROR_DENIED. */
error *recovery_confirm(const struct recovery *r, const struct manifest *m) MUST_USE;

/* The key that parts may be encrypted to on their way here: SubjectPublicKeyInfo DER, RSA-4096, made when
 * first asked for. */
error *recovery_ephemeral_key(struct recovery *r, struct blob *ret) MUST_USE;
/* RSA-OAEP with SHA-256. ERROR_INVALID. */
error *recovery_decrypt(struct recovery *r, bytes encrypted, struct secret *ret) MUST_USE;
