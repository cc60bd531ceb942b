#include "pki/curve.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

#include "pki/key.h"
#include "pki/openssl_error.h"

DEFINE_CLEANUP(EVP_PKEY_CTX_free, EVP_PKEY_CTX *)

static const struct curve curves[] = {
	{ SN_secp224r1, NID_secp224r1, 28 },
	{ SN_X9_62_prime256v1, NID_X9_62_prime256v1, 32 },
	{ SN_secp384r1, NID_secp384r1, 48 },
	{ SN_secp521r1, NID_secp521r1, 66 },
};
static EVP_PKEY *parameters[ARRAY_SIZE(curves)]; /* in the same order; read only once made */
static CRYPTO_ONCE parameters_once = CRYPTO_ONCE_STATIC_INIT;

const struct curve *curve_of_nid(int nid)
{
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (curves[i].nid == nid)
			return &curves[i];
	return NULL;
}

const struct curve *curve_of_key(EVP_PKEY *key)
{
	char name[32];
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    !EVP_PKEY_get_group_name(key, name, sizeof name, NULL))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (strcmp(name, curves[i].name) == 0)
			return &curves[i];
	return NULL;
}

static EVP_PKEY *make_parameters(const char *name)
{
	EVP_PKEY *made = NULL;
	CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (ctx && EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_group_name(ctx, name) == 1)
		EVP_PKEY_paramgen(ctx, &made);
	return made;
}

static void make_all_parameters(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		parameters[i] = make_parameters(curves[i].name);
}

EVP_PKEY *curve_parameters(const struct curve *curve)
{
	if (!curve || !CRYPTO_THREAD_run_once(&parameters_once, make_all_parameters))
		return NULL;
	return parameters[curve - curves];
}

error *curve_key_of_point(const struct curve *curve, bytes point, EVP_PKEY **ret)
{
	EVP_PKEY *shared = curve_parameters(curve);
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = shared ? EVP_PKEY_dup(shared) : NULL;
	if (!key)
		return openssl_error(ERROR_INTERNAL, "setting up a curve");
	if (EVP_PKEY_set1_encoded_public_key(key, point.data, point.size) != 1)
		return openssl_error(ERROR_INVALID, "no point of the curve");
	*ret = TAKE(key);
	return NULL;
}
