#include "secrets/derive.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "pki/openssl_error.h"
#include "secrets/generate.h"

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

static error *expand(bytes key, bytes salt, bytes info, struct secret *to)
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[5], *next = parameters;
	*next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*next++ = octets(OSSL_KDF_PARAM_KEY, key);
	*next++ = octets(OSSL_KDF_PARAM_SALT, salt);
	if (info.size)
		*next++ = octets(OSSL_KDF_PARAM_INFO, info);
	*next = OSSL_PARAM_construct_end();
	CLEANUP(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = NULL;
	if (CRYPTO_THREAD_run_once(&hkdf_once, fetch_hkdf) && hkdf)
		ctx = EVP_KDF_CTX_new(hkdf);
	if (!ctx || EVP_KDF_derive(ctx, to->data, to->size, parameters) != 1)
		return openssl_error(ERROR_INTERNAL, "deriving a key");
	return NULL;
}

error *secret_derive(const struct secret_definition *definition, bytes root_secret, const char *uuid,
		     const char *marble_type, struct secret_value *ret)
{
	CLEANUP(writer_free) struct writer salt = { 0 };
	CLEANUP(secret_value_free) struct secret_value v = { .definition = definition,
							     .is_set = true };
	TRY(secret_definition_check(definition));
	if (definition->type != SECRET_SYMMETRIC_KEY || definition->shared || definition->user_defined)
		return error_new(ERROR_INTERNAL, "%s: only a marble's own symmetric keys are derived",
				 definition->name);
	write_string(&salt, uuid);
	write_string(&salt, definition->name);
	TRY(writer_check(&salt, "salt"));
	TRY(secret_new(definition->size / 8, &v.private_part));
	TRY(expand(root_secret, writer_view(&salt), bytes_of_string(marble_type), &v.private_part));
	*ret = v;
	v = (struct secret_value){ 0 };
	return NULL;
}
