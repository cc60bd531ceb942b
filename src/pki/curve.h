/* The NIST curves P-224, P-256, P-384, P-521: set up once, because to look one up by its name takes
 * OpenSSL 3.0 longer than to generate a key on it. */
#pragma once
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/error.h"

struct curve {
	const char *name; /* OpenSSL's name of the group */
	int nid;
	size_t size;      /* bytes of a coordinate and of a private key */
};
/* NULL: none of them. */
const struct curve *curve_of_nid(int nid);
const struct curve *curve_of_key(EVP_PKEY *key);
/* A key without key material, to generate others from. Shared and not to be changed; NULL when
 * OpenSSL does not have the curve. */
EVP_PKEY *curve_parameters(const struct curve *curve);
/* The public key that an encoded point (SEC 1 section 2.3.3) is. ERROR_INVALID when it is not on
 * the curve. Takes a twentieth of the time of d2i_PUBKEY. */
error *curve_key_of_point(const struct curve *curve, bytes point, EVP_PKEY **ret) MUST_USE;
