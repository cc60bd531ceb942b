/* Public keys as certificates hold them. */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/error.h"

/* The digest that is as strong as the key; NULL for keys that bring their own (Ed25519). Fetched
 * once for the process: a fetch per signature costs more than the hash. */
error *digest_for_key(EVP_PKEY *key, const EVP_MD **ret) MUST_USE;
error *digest_sha(int bits, const EVP_MD **ret) MUST_USE; /* 256, 384, 512 */

/* Writes the key into a SubjectPublicKeyInfo. Unlike X509_PUBKEY_set and X509_set_pubkey this does
 * not encode the key and decode it again, which in OpenSSL 3.0 takes longer than a signature. The
 * EVP_PKEY that `to` stands for is therefore not available from it. */
error *public_key_put(EVP_PKEY *key, X509_PUBKEY *to) MUST_USE;
