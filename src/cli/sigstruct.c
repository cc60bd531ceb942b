#include "cli/sigstruct.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/reader.h"

enum { MODULUS_SIZE = 384, EXPONENT = 3, DEBUG_FLAG = 2 };

/* HEADER and HEADER2, which are constants. */
static const uint8_t header[16] = { 6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1 };
static const uint8_t header2[16] = { 1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1 };

/* The fields in the order of the table in the manual. */
struct sigstruct {
	bytes header, header2, modulus, signature, enclave_hash;
	bytes signed_first, signed_second; /* what the signature covers */
	uint32_t exponent;
	uint64_t attributes;
	uint16_t product_id, security_version;
};

static error *read_sigstruct(bytes raw, struct sigstruct *s)
{
	struct reader r = reader_of(raw);
	s->header = read_view(&r, 16);
	read_view(&r, 8); /* VENDOR, DATE */
	s->header2 = read_view(&r, 16);
	read_view(&r, 88); /* SWDEFINED, reserved */
	s->modulus = read_view(&r, MODULUS_SIZE);
	s->exponent = read_le32(&r);
	s->signature = read_view(&r, MODULUS_SIZE);
	read_view(&r, 28); /* MISCSELECT, MISCMASK, CET, reserved, ISVFAMILYID */
	s->attributes = read_le64(&r);
	read_view(&r, 24); /* XFRM, ATTRIBUTEMASK */
	s->enclave_hash = read_view(&r, 32);
	read_view(&r, 32); /* reserved, ISVEXTPRODID */
	s->product_id = read_le16(&r);
	s->security_version = read_le16(&r);
	read_view(&r, 12 + 2 * MODULUS_SIZE); /* reserved, Q1, Q2 */
	s->signed_first = bytes_slice(raw, 0, 128);
	s->signed_second = bytes_slice(raw, 900, 128);
	return reader_finish(&r, "SIGSTRUCT");
}

static BIGNUM *number_of(bytes little_endian)
{
	return BN_lebin2bn(little_endian.data, (int)little_endian.size, NULL);
}

static EVP_PKEY *key_of(const struct sigstruct *s)
{
	EVP_PKEY *key = NULL;
	BIGNUM *n = number_of(s->modulus), *e = BN_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (n && e && build && context && BN_set_word(e, EXPONENT) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e)) {
		OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
		if (parameters && EVP_PKEY_fromdata_init(context) == 1)
			EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
		OSSL_PARAM_free(parameters);
	}
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key;
}

/* "PKCS#1 v1.5, 3072-bit key, exponent 3, SHA-256" over bytes 0 to 127 and 900 to 1027. */
static bool signature_verifies(const struct sigstruct *s)
{
	uint8_t signature[MODULUS_SIZE];
	if (s->exponent != EXPONENT)
		return false;
	for (size_t i = 0; i < sizeof signature; i++)
		signature[i] = s->signature.data[sizeof signature - 1 - i];
	EVP_PKEY *key = key_of(s);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = key && digest && EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerifyUpdate(digest, s->signed_first.data, s->signed_first.size) == 1 &&
		    EVP_DigestVerifyUpdate(digest, s->signed_second.data, s->signed_second.size) == 1 &&
		    EVP_DigestVerifyFinal(digest, signature, sizeof signature) == 1;
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

static error *properties_of(const struct sigstruct *s, struct package_properties *ret)
{
	struct package_properties p = {
		.product_id = s->product_id,
		.security_version = s->security_version,
		.debug = s->attributes & DEBUG_FLAG,
		.signed_well = signature_verifies(s),
	};
	memcpy(p.unique_id, s->enclave_hash.data, sizeof p.unique_id);
	if (!EVP_Digest(s->modulus.data, s->modulus.size, p.signer_id, NULL, EVP_sha256(), NULL))
		return error_no_memory();
	*ret = p;
	return NULL;
}

error *sigstruct_find(bytes in, struct package_properties *ret)
{
	for (;;) {
		const uint8_t *at = in.data ? memmem(in.data, in.size, header, sizeof header) : NULL;
		if (!at)
			return error_new(ERROR_NOT_FOUND, "it holds no SIGSTRUCT: it is not signed");
		in = bytes_slice(in, (size_t)(at - in.data), SIZE_MAX);
		if (bytes_equal(bytes_slice(in, 24, sizeof header2), BYTES_OF_ARRAY(header2)))
			break;
		in = bytes_slice(in, 1, SIZE_MAX);
	}
	struct sigstruct s;
	if (in.size < SIGSTRUCT_SIZE)
		return error_new(ERROR_INVALID, "its SIGSTRUCT is cut off: %d bytes are expected, %zu are "
				 "there", SIGSTRUCT_SIZE, in.size);
	TRY(read_sigstruct(bytes_slice(in, 0, SIGSTRUCT_SIZE), &s));
	return properties_of(&s, ret);
}
