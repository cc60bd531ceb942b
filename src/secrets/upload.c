#include "secrets/upload.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "codec/base64.h"
#include "pki/certificate.h"
#include "pki/key.h"

static error *check_members(json_t *upload, const char *const *known, size_t count)
{
	const char *name;
	json_t *value;
	json_object_foreach(upload, name, value) {
		size_t i = 0;
		while (i < count && strcasecmp(known[i], name) != 0)
			i++;
		if (i == count && !json_is_null(value))
			return error_new(ERROR_INVALID, "\"%.40s\" does not fit the secret's type", name);
	}
	return NULL;
}

/* base64 into memory that is wiped; *ret stays empty when the member is missing or null. */
static error *read_member(json_t *upload, const char *name, struct secret *ret)
{
	CLEANUP(blob_free) struct blob raw = { 0 };
	json_t *value = json_member(upload, name);
	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value))
		return error_new(ERROR_INVALID, "%s: base64 is expected", name);
	TRY(base64_decode(json_bytes(value), name, &raw));
	error *e = secret_copy(blob_view(&raw), ret);
	OPENSSL_cleanse(raw.data, raw.size);
	return e;
}

static error *read_key(const struct secret_definition *d, json_t *upload, struct secret_value *v)
{
	static const char *const known[] = { "Key" };
	TRY(check_members(upload, known, ARRAY_SIZE(known)));
	if (!json_is_string(json_member(upload, "Key")))
		return error_new(ERROR_INVALID, "Key is missing");
	TRY(read_member(upload, "Key", &v->private_part));
	if (d->type == SECRET_SYMMETRIC_KEY && v->private_part.size != d->size / 8)
		return error_new(ERROR_INVALID, "Key has %zu bytes; the manifest says %llu bits",
				 v->private_part.size, (unsigned long long)d->size);
	return NULL;
}

static error *check_kind(const struct secret_definition *d, EVP_PKEY *key)
{
	static const int kinds[] = { [SECRET_CERT_RSA] = EVP_PKEY_RSA, [SECRET_CERT_ECDSA] = EVP_PKEY_EC,
				     [SECRET_CERT_ED25519] = EVP_PKEY_ED25519 };
	int kind = EVP_PKEY_get_base_id(key);
	if (kind != kinds[d->type])
		return error_new(ERROR_INVALID, "Cert: its key is not of the type %s", secret_type_name(d->type));
	if (d->size && kind != EVP_PKEY_ED25519 && EVP_PKEY_get_bits(key) != (int)d->size)
		return error_new(ERROR_INVALID, "Cert: its key has %d bits; the manifest says %llu",
				 EVP_PKEY_get_bits(key), (unsigned long long)d->size);
	return NULL;
}

/* Kept as PKCS#8, whatever form it came in, so that templates print what they say. */
static error *keep_private_key(const struct secret *der, EVP_PKEY *public_key, struct secret_value *v)
{
	const unsigned char *at = der->data;
	if (der->size > PRIVATE_KEY_DER_MAX)
		return error_new(ERROR_INVALID, "Private: too large for a private key");
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)der->size);
	ERR_clear_error();
	if (!key || at != der->data + der->size)
		return error_new(ERROR_INVALID, "Private: a private key in PKCS#8 (DER, base64) is expected");
	if (EVP_PKEY_eq(key, public_key) != 1)
		return error_new(ERROR_INVALID, "Private is not the key of Cert");
	return key_private_der(key, &v->private_part);
}

static error *read_certificate(const struct secret_definition *d, json_t *upload, struct secret_value *v)
{
	static const char *const known[] = { "Cert", "Private" };
	CLEANUP(secret_free) struct secret der = { 0 };
	CLEANUP(secret_free) struct secret private_der = { 0 };
	CLEANUP(X509_free) X509 *certificate = NULL;
	TRY(check_members(upload, known, ARRAY_SIZE(known)));
	TRY(read_member(upload, "Cert", &der));
	TRY(read_member(upload, "Private", &private_der));
	if (!der.size)
		return error_new(ERROR_INVALID, "Cert is missing");
	TRY_CTX(certificate_of_der(secret_view(&der), &certificate), "Cert");
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	if (!key)
		return error_new(ERROR_INVALID, "Cert: its key is of no known kind");
	TRY(check_kind(d, key));
	if (private_der.size)
		TRY(keep_private_key(&private_der, key, v));
	TRY(key_public_der(key, &v->public_part));
	return blob_copy(secret_view(&der), &v->certificate);
}

error *secret_upload_read(const struct secret_definition *definition, json_t *upload, struct secret_value *ret)
{
	CLEANUP(secret_value_free) struct secret_value v = { .definition = definition, .is_set = true };
	if (!json_is_object(upload))
		return error_new(ERROR_INVALID, "an object is expected");
	if (definition->type == SECRET_PLAIN || definition->type == SECRET_SYMMETRIC_KEY)
		TRY(read_key(definition, upload, &v));
	else
		TRY(read_certificate(definition, upload, &v));
	*ret = v;
	v = (struct secret_value){ 0 };
	return NULL;
}
