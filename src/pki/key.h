/* Private keys. */
#pragma once
#include <openssl/evp.h>

#include "base/blob.h"
#include "base/secret.h"

enum key_kind { KEY_P224, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA };
enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };
/* `bits` for RSA only: RSA_BITS_MIN to RSA_BITS_MAX. */
error *key_generate(enum key_kind kind, unsigned bits, EVP_PKEY **ret) MUST_USE;
/* PKCS#8 DER (RFC 5958, version 0), without encryption. */
error *key_private_der(EVP_PKEY *key, struct secret *ret) MUST_USE;
enum { PRIVATE_KEY_DER_MAX = 64 << 10 }; /* bytes; an RSA key of 16384 bits has 10 KiB */
error *key_of_private_der(bytes der, EVP_PKEY **ret) MUST_USE;
/* SubjectPublicKeyInfo DER. */
error *key_public_der(EVP_PKEY *key, struct blob *ret) MUST_USE;
/* ASN.1 ECDSA (or whatever fits the key) over SHA-256 of the message. */
error *key_sign(EVP_PKEY *key, bytes message, struct blob *ret) MUST_USE;
DEFINE_CLEANUP(EVP_PKEY_free, EVP_PKEY *)
