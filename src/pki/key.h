/* Private keys. */
#pragma once
#include <openssl/evp.h>

#include "base/blob.h"
#include "base/secret.h"

enum key_kind { KEY_P224, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA };
/* `bits` for RSA only: 2048 to 8192. */
error *key_generate(enum key_kind kind, unsigned bits, EVP_PKEY **ret) MUST_USE;
/* PKCS#8 DER, without encryption. */
error *key_private_der(EVP_PKEY *key, struct secret *ret) MUST_USE;
error *key_of_private_der(bytes der, EVP_PKEY **ret) MUST_USE;
/* SubjectPublicKeyInfo DER. */
error *key_public_der(EVP_PKEY *key, struct blob *ret) MUST_USE;
/* ASN.1 ECDSA (or whatever fits the key) over SHA-256 of the message. */
error *key_sign(EVP_PKEY *key, bytes message, struct blob *ret) MUST_USE;
DEFINE_CLEANUP(EVP_PKEY_free, EVP_PKEY *)
