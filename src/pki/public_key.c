#include "pki/public_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "base/bytes.h"
#include "pki/curve.h"
#include "pki/openssl_error.h"

static EVP_MD *sha256, *sha384, *sha512;
static CRYPTO_ONCE digests_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_digests(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
}

error *digest_sha(int bits, const EVP_MD **ret)
{
	const EVP_MD *digest = NULL;
	if (CRYPTO_THREAD_run_once(&digests_once, fetch_digests))
		digest = bits <= 256 ? sha256 : bits <= 384 ? sha384 : sha512;
	if (!digest)
		return openssl_error(ERROR_INTERNAL, "OpenSSL has no SHA-%d", bits);
	*ret = digest;
	return NULL;
}

error *digest_for_key(EVP_PKEY *key, const EVP_MD **ret)
{
	int type = EVP_PKEY_get_base_id(key);
	if (type == EVP_PKEY_ED25519) {
		*ret = NULL;
		return NULL;
	}
	return digest_sha(type == EVP_PKEY_EC ? EVP_PKEY_get_bits(key) : 256, ret);
}

/* RFC 5480 section 2.1.1: id-ecPublicKey with the curve's name, the point uncompressed. */
static bool put_curve_key(EVP_PKEY *key, const struct curve *curve, X509_PUBKEY *to)
{
	size_t size = 2 * curve->size + 1, written = 0;
	unsigned char *point = OPENSSL_malloc(size);
	if (point &&
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, size, &written) &&
	    written == size &&
	    X509_PUBKEY_set0_param(to, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
				   OBJ_nid2obj(curve->nid), point, (int)size))
		return true;
	OPENSSL_free(point);
	return false;
}

/* RFC 8410 section 4: parameters absent, the raw key. */
static bool put_raw_key(EVP_PKEY *key, X509_PUBKEY *to)
{
	size_t size = 32;
	unsigned char *raw = OPENSSL_malloc(size);
	if (raw && EVP_PKEY_get_raw_public_key(key, raw, &size) && size == 32 &&
	    X509_PUBKEY_set0_param(to, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL, raw, 32))
		return true;
	OPENSSL_free(raw);
	return false;
}

/* RSA: rare, and nothing beside the generation of the key. */
static bool put_encoded_key(EVP_PKEY *key, X509_PUBKEY *to)
{
	unsigned char *der = NULL;
	int size = i2d_PublicKey(key, &der);
	if (size > 0 && X509_PUBKEY_set0_param(to, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
					       der, size))
		return true;
	OPENSSL_free(der);
	return false;
}

error *public_key_put(EVP_PKEY *key, X509_PUBKEY *to)
{
	const struct curve *curve = curve_of_key(key);
	int type = EVP_PKEY_get_base_id(key);
	bool done = false;
	if (curve)
		done = put_curve_key(key, curve, to);
	else if (type == EVP_PKEY_ED25519)
		done = put_raw_key(key, to);
	else if (type == EVP_PKEY_RSA)
		done = put_encoded_key(key, to);
	else
		return error_new(ERROR_UNSUPPORTED, "a key of type %s: RSA, Ed25519 or a NIST curve "
				 "expected", EVP_PKEY_get0_type_name(key));
	return done ? NULL : openssl_error(ERROR_INTERNAL, "encoding a public key");
}
