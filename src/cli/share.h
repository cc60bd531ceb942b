/* Recovery shares: what `manifest set` returned for each recovery key. */
#pragma once
#include <openssl/evp.h>

#include "base/blob.h"
#include "base/secret.h"

/* The plain share in a file, which may hold it plain, encrypted to `key` (raw or in base64), or the
 * recovery data as `manifest set` writes them, in which `key` finds its own. `key` NULL: none is
 * there. */
error *share_load(const char *path, EVP_PKEY *key, struct secret *ret) MUST_USE;
/* The same of content; `what` names it in messages. */
error *share_of(bytes content, const char *what, EVP_PKEY *key, struct secret *ret) MUST_USE;
/* RSA PKCS#1 v1.5 with SHA-256. */
error *share_sign(const struct secret *share, EVP_PKEY *key, struct blob *ret) MUST_USE;
/* RSA-OAEP with SHA-256, no label. */
error *share_encrypt(const struct secret *share, EVP_PKEY *public_key, struct blob *ret) MUST_USE;
