#include "cli/secret_file.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "codec/base64.h"
#include "codec/pem.h"

static error *add_base64(json_t *to, const char *member, bytes der)
{
	CLEANUP(writer_free) struct writer text = { .secret = true };
	write_base64(&text, der);
	TRY(writer_check(&text, member));
	json_t *value = json_stringn((const char *)text.data, text.size);
	return value && json_object_set_new(to, member, value) == 0 ? NULL : error_no_memory();
}

static error *add_certificate(json_t *to, bytes der, const char *what)
{
	const unsigned char *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
	bool whole = certificate && at == der.data + der.size;
	X509_free(certificate);
	ERR_clear_error();
	if (!whole)
		return error_new(ERROR_INVALID, "%s: a certificate can't be parsed", what);
	return add_base64(to, "Cert", der);
}

/* Whatever form it has in the file, PKCS#8 (RFC 5208) is what the coordinator takes. */
static error *add_key(json_t *to, bytes der, const char *what)
{
	const unsigned char *at = der.data;
	unsigned char *pkcs8 = NULL;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)der.size);
	PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
	int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &pkcs8) : -1;
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (size < 0)
		return error_new(ERROR_INVALID, "%s: a private key can't be parsed", what);
	error *e = add_base64(to, "Private", bytes_of(pkcs8, (size_t)size));
	OPENSSL_clear_free(pkcs8, (size_t)size);
	return e;
}

static error *add_block(json_t *to, const char *label, bytes der, const char *what)
{
	if (strcmp(label, "CERTIFICATE") == 0)
		return json_object_get(to, "Cert") ? NULL : add_certificate(to, der, what);
	if (strcmp(label, "EC PARAMETERS") == 0)
		return NULL;
	if (strstr(label, "ENCRYPTED"))
		return error_new(ERROR_UNSUPPORTED, "%s: the private key is encrypted: decrypt it first, for "
				 "instance by 'openssl pkey'", what);
	if (strstr(label, "PRIVATE KEY"))
		return json_object_get(to, "Private") ? NULL : add_key(to, der, what);
	return error_new(ERROR_INVALID, "%s: a %s in PEM: a certificate and/or a private key is expected",
			 what, label);
}

static error *of_pem(bytes text, const char *what, const char *name, json_t **ret)
{
	struct pem_walk walk = { .rest = text };
	CLEANUP_JSON json_t *value = json_object();
	TRY_ALLOC(value);
	for (bool found = true; found;) {
		CLEANUP(secret_free) struct secret der = { 0 };
		char label[64];
		TRY(pem_next(&walk, what, &found, label, &der));
		if (found)
			TRY(add_block(value, label, secret_view(&der), what));
	}
	if (!json_object_size(value))
		return error_new(ERROR_INVALID, "%s: no certificate and no private key in PEM", what);
	*ret = json_pack("{s:O}", name, value);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *check_secret(const char *name, json_t *secret, const char *what)
{
	if (!*name)
		return error_new(ERROR_INVALID, "%s: a secret has no name", what);
	if (!json_is_object(secret))
		return error_new(ERROR_INVALID, "%s: \"%s\" is %s: an object with \"Key\", or \"Cert\" and "
				 "\"Private\", is expected", what, name, json_type_name(secret));
	return NULL;
}

error *secret_file_parse(bytes text, const char *what, const char *name, json_t **ret)
{
	CLEANUP_JSON json_t *secrets = NULL;
	json_t *secret;
	const char *key;
	if (name)
		return of_pem(text, what, name, ret);
	TRY(json_parse(text, what, &secrets));
	if (!json_is_object(secrets) || !json_object_size(secrets))
		return error_new(ERROR_INVALID, "%s: an object with secrets by their names is expected", what);
	json_object_foreach(secrets, key, secret)
		TRY(check_secret(key, secret, what));
	*ret = TAKE(secrets);
	return NULL;
}
