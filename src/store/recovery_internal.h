/* What splitting and joining share. */
#pragma once
#include <openssl/evp.h>

#include "store/recovery.h"

/* The public section: version, be16 needed, be16 count; for each: be16 size and name, be16 size and PEM
 * public key, digest of the part. */
enum { PUBLIC_VERSION = 1, PARTS_MAX = 255 };

error *recovery_key_read(bytes pem, EVP_PKEY **ret) MUST_USE;
/* OAEP with SHA-256 for both hashes. */
bool recovery_set_oaep(EVP_PKEY_CTX *context);
/* SHA-256("marblerun recovery part v1", NUL, part). */
error *recovery_digest(bytes part, uint8_t ret[32]) MUST_USE;
