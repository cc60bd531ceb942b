#include "pki/key.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki/curve.h"
#include "pki/der.h"
#include "pki/openssl_error.h"
#include "pki/public_key.h"

DEFINE_CLEANUP(EVP_PKEY_CTX_free, EVP_PKEY_CTX *)
DEFINE_CLEANUP(EVP_MD_CTX_free, EVP_MD_CTX *)
DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO_free, PKCS8_PRIV_KEY_INFO *)
DEFINE_CLEANUP(X509_PUBKEY_free, X509_PUBKEY *)
DEFINE_CLEANUP(BN_clear_free, BIGNUM *)

static EVP_PKEY_CTX *generator(enum key_kind kind)
{
	static const int nids[] = {
		[KEY_P224] = NID_secp224r1,
		[KEY_P256] = NID_X9_62_prime256v1,
		[KEY_P384] = NID_secp384r1,
		[KEY_P521] = NID_secp521r1,
	};
	EVP_PKEY *parameters;
	switch (kind) {
	case KEY_P224:
	case KEY_P256:
	case KEY_P384:
	case KEY_P521:
		parameters = curve_parameters(curve_of_nid(nids[kind]));
		return parameters ? EVP_PKEY_CTX_new_from_pkey(NULL, parameters, NULL) : NULL;
	case KEY_ED25519:
		return EVP_PKEY_CTX_new_from_name(NULL, "ED25519", NULL);
	case KEY_RSA:
		return EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	}
	return NULL;
}

error *key_generate(enum key_kind kind, unsigned bits, EVP_PKEY **ret)
{
	if (kind == KEY_RSA && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
		return error_new(ERROR_INVALID, "an RSA key of %u bits: %d to %d expected", bits,
				 RSA_BITS_MIN, RSA_BITS_MAX);
	CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = generator(kind);
	EVP_PKEY *key = NULL;
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
	    (kind == KEY_RSA && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) != 1) ||
	    EVP_PKEY_generate(ctx, &key) != 1)
		return openssl_error(ERROR_INTERNAL, "generating a key");
	*ret = key;
	return NULL;
}

/* RFC 5915 section 3: ECPrivateKey ::= SEQUENCE { version INTEGER { ecPrivkeyVer1(1) }, privateKey
 * OCTET STRING, parameters [0] (left out: PKCS#8 names the curve), publicKey [1] BIT STRING }. */
static void write_ec_private_key(struct writer *w, bytes private, bytes point)
{
	CLEANUP(writer_free) struct writer fields = { .secret = true }, public = { 0 };
	write_bytes(&fields, bytes_of("\x02\x01\x01", 3));
	write_der(&fields, DER_OCTET_STRING, private);
	write_der_bits(&public, point);
	write_der_nested(&fields, DER_EXPLICIT_1, &public);
	write_der_nested(w, DER_SEQUENCE, &fields);
}

static error *ec_private_key(EVP_PKEY *key, const struct curve *curve, struct secret *ret)
{
	uint8_t private[66], point[133];
	size_t size = 2 * curve->size + 1, written = 0;
	CLEANUP(BN_clear_free) BIGNUM *number = NULL;
	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
					     &written) || written != size ||
	    !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) ||
	    BN_bn2binpad(number, private, (int)curve->size) < 0)
		return openssl_error(ERROR_INTERNAL, "encoding a private key");
	CLEANUP(writer_free) struct writer w = { .secret = true };
	write_ec_private_key(&w, bytes_of(private, curve->size), bytes_of(point, size));
	OPENSSL_cleanse(private, sizeof private);
	return secret_of_writer(&w, "private key", ret);
}

/* OpenSSL 3.0 takes 70 us to encode a key by way of its encoders, three times as long as a
 * signature; the algorithm and the inner structure are known here. */
static error *ec_private_info(EVP_PKEY *key, const struct curve *curve, PKCS8_PRIV_KEY_INFO **ret)
{
	CLEANUP(secret_free) struct secret inner = { 0 };
	TRY(ec_private_key(key, curve, &inner));
	CLEANUP(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = PKCS8_PRIV_KEY_INFO_new();
	unsigned char *content = OPENSSL_memdup(inner.data, inner.size);
	if (!info || !content ||
	    !PKCS8_pkey_set0(info, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), 0, V_ASN1_OBJECT,
			     OBJ_nid2obj(curve->nid), content, (int)inner.size)) {
		OPENSSL_clear_free(content, inner.size);
		return openssl_error(ERROR_INTERNAL, "encoding a private key");
	}
	*ret = TAKE(info);
	return NULL;
}

error *key_private_der(EVP_PKEY *key, struct secret *ret)
{
	CLEANUP(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
	const struct curve *curve = curve_of_key(key);
	if (curve)
		TRY(ec_private_info(key, curve, &info));
	else
		info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	if (size <= 0)
		return openssl_error(ERROR_INTERNAL, "encoding a private key");
	error *failure = secret_copy(bytes_of(der, (size_t)size), ret);
	OPENSSL_clear_free(der, (size_t)size);
	return failure;
}

error *key_of_private_der(bytes der, EVP_PKEY **ret)
{
	if (der.size > PRIVATE_KEY_DER_MAX)
		return error_new(ERROR_TOO_LARGE, "private key of %zu bytes: at most %d expected",
				 der.size, PRIVATE_KEY_DER_MAX);
	const unsigned char *at = der.data;
	CLEANUP(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info =
		d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size);
	if (!info || at != der.data + der.size)
		return openssl_error(ERROR_INVALID, "private key: not a PKCS#8 structure");
	EVP_PKEY *key = EVP_PKCS82PKEY(info);
	if (!key)
		return openssl_error(ERROR_INVALID, "private key: its content can't be used");
	ERR_clear_error();
	*ret = key;
	return NULL;
}

error *key_public_der(EVP_PKEY *key, struct blob *ret)
{
	CLEANUP(X509_PUBKEY_free) X509_PUBKEY *info = X509_PUBKEY_new();
	TRY_ALLOC(info);
	TRY(public_key_put(key, info));
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(info, &der);
	if (size <= 0)
		return openssl_error(ERROR_INTERNAL, "encoding a public key");
	error *failure = blob_copy(bytes_of(der, (size_t)size), ret);
	OPENSSL_free(der);
	return failure;
}

error *key_sign(EVP_PKEY *key, bytes message, struct blob *ret)
{
	const EVP_MD *digest = NULL;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519)
		TRY(digest_sha(256, &digest));
	CLEANUP(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(blob_free) struct blob signature = { 0 };
	size_t size = (size_t)EVP_PKEY_get_size(key);
	signature.data = malloc(size + 1);
	TRY_ALLOC(ctx);
	TRY_ALLOC(signature.data);
	if (EVP_DigestSignInit(ctx, NULL, digest, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature.data, &size, message.data, message.size) != 1)
		return openssl_error(ERROR_INTERNAL, "signing");
	signature.size = size;
	*ret = blob_take(&signature);
	return NULL;
}
