#include "base/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

DEFINE_CLEANUP(EVP_KDF_CTX_free, EVP_KDF_CTX *)

static EVP_KDF *hkdf;
static CRYPTO_ONCE hkdf_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_hkdf(void)
{
	hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
}

/* OpenSSL's parameters are not const, though it only reads these. */
static OSSL_PARAM octets(const char *name, bytes value)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)value.data, value.size);
}

error *hkdf_sha256(bytes key, bytes salt, bytes info, struct secret *to)
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[5], *next = parameters;
	*next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*next++ = octets(OSSL_KDF_PARAM_KEY, key);
	if (salt.size)
		*next++ = octets(OSSL_KDF_PARAM_SALT, salt);
	if (info.size)
		*next++ = octets(OSSL_KDF_PARAM_INFO, info);
	*next = OSSL_PARAM_construct_end();
	CLEANUP(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = NULL;
	if (CRYPTO_THREAD_run_once(&hkdf_once, fetch_hkdf) && hkdf)
		ctx = EVP_KDF_CTX_new(hkdf);
	if (!ctx || EVP_KDF_derive(ctx, to->data, to->size, parameters) != 1) {
		ERR_clear_error();
		return error_new(ERROR_INTERNAL, "deriving a key failed");
	}
	return NULL;
}
