/* Recovery secrets: the state key in the hands of those who may bring the state back (public contract,
 * section 7, "Recovery"). */
#pragma once
#include "base/blob.h"
#include "base/secret.h"
#include "manifest/model.h"

enum { STATE_KEY_SIZE = 32 };

/* One encrypted secret for each recovery key, in their order: the state key itself for one key; XOR
 * shares when all are needed; Shamir's shares with a threshold. RSA-OAEP with SHA-256, no label.
 * ret[0 … m->recovery_key_count-1] are filled; the caller frees them. */
error *recovery_split(const struct manifest *m, bytes state_key, struct blob *ret) MUST_USE;
