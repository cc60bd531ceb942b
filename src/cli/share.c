#include "cli/share.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/file.h"
#include "codec/base64.h"
#include "codec/json.h"

enum { FILE_SIZE_MAX = 1 << 20 };

static void context_free(EVP_PKEY_CTX *context)
{
	EVP_PKEY_CTX_free(context);
}
DEFINE_CLEANUP(context_free, EVP_PKEY_CTX *)

/* A state key, a Shamir share of one, and a state key of old. */
static bool is_plain_size(size_t size)
{
	return size == 32 || size == 33 || size == 16;
}

static bool set_oaep(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

static error *decrypt(bytes from, const char *what, EVP_PKEY *key, struct secret *ret)
{
	CLEANUP(secret_free) struct secret room = { 0 };
	CLEANUP(context_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	size_t size = (size_t)EVP_PKEY_get_size(key);
	TRY_ALLOC(context);
	TRY(secret_new(size, &room));
	bool good = EVP_PKEY_decrypt_init(context) > 0 && set_oaep(context) &&
		    EVP_PKEY_decrypt(context, room.data, &size, from.data, from.size) > 0;
	ERR_clear_error();
	if (!good || !is_plain_size(size))
		return error_new(ERROR_DENIED, "%s: this recovery key does not decrypt it: it is another "
				 "party's, or no recovery secret", what);
	return secret_copy(bytes_of(room.data, size), ret);
}

static error *of_raw(bytes content, const char *what, EVP_PKEY *key, struct secret *ret)
{
	if (is_plain_size(content.size))
		return secret_copy(content, ret);
	if (!key)
		return error_new(ERROR_INVALID, "%s: an encrypted recovery secret (%zu bytes): --key or "
				 "--pkcs11-config is needed to decrypt it", what, content.size);
	return decrypt(content, what, key, ret);
}

static bytes without_line_end(bytes text)
{
	while (text.size && memchr(" \t\r\n", text.data[text.size - 1], 4))
		text.size--;
	return text;
}

/* One of the recovery data's values. */
static error *of_base64(bytes text, const char *what, EVP_PKEY *key, struct secret *ret)
{
	CLEANUP(secret_free) struct secret raw = { 0 };
	TRY(base64_decode_secret(without_line_end(text), what, &raw));
	return of_raw(secret_view(&raw), what, key, ret);
}

/* {"RecoverySecrets": {name: base64}}: the one that the key decrypts. */
static error *of_recovery_data(json_t *data, const char *what, EVP_PKEY *key, struct secret *ret)
{
	json_t *value, *all = json_member(data, "RecoverySecrets");
	const char *name;
	if (!json_is_object(all) || !json_object_size(all))
		return error_new(ERROR_INVALID, "%s: JSON without \"RecoverySecrets\"", what);
	error *e = NULL;
	json_object_foreach(all, name, value) {
		error_free(e);
		e = json_is_string(value) ? of_base64(json_bytes(value), what, key, ret) :
					    error_new(ERROR_INVALID, "%s: \"%s\" is no string", what, name);
		if (!e)
			return NULL;
	}
	return json_object_size(all) == 1 || !key ? e :
		error_wrap(e, "none of the %zu recovery secrets is this key's", json_object_size(all));
}

error *share_of(bytes content, const char *what, EVP_PKEY *key, struct secret *ret)
{
	CLEANUP_JSON json_t *data = NULL;
	if (is_plain_size(content.size))
		return of_raw(content, what, key, ret);
	if (!content.size)
		return error_new(ERROR_INVALID, "%s is empty: a recovery secret is expected", what);
	if (content.data[0] == '{') {
		error *e = json_parse(content, what, &data);
		if (!e)
			return of_recovery_data(data, what, key, ret);
		error_free(e);
	}
	CLEANUP(secret_free) struct secret raw = { 0 };
	error *e = base64_decode_secret(without_line_end(content), what, &raw);
	error_free(e);
	return of_raw(e ? content : secret_view(&raw), what, key, ret);
}

error *share_load(const char *path, EVP_PKEY *key, struct secret *ret)
{
	CLEANUP(secret_free) struct secret content = { 0 };
	TRY(file_read_secret(path, FILE_SIZE_MAX, &content));
	return share_of(secret_view(&content), path, key, ret);
}

static error *sign(EVP_MD_CTX *digest, const struct secret *share, EVP_PKEY *key, struct blob *ret)
{
	CLEANUP(blob_free) struct blob signature = { 0 };
	EVP_PKEY_CTX *context = NULL;
	size_t size = (size_t)EVP_PKEY_get_size(key);
	signature = (struct blob){ malloc(size), size };
	TRY_ALLOC(signature.data);
	bool good = EVP_DigestSignInit(digest, &context, EVP_sha256(), NULL, key) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
		    EVP_DigestSign(digest, signature.data, &signature.size, share->data, share->size) > 0;
	const char *reason = good ? NULL : ERR_reason_error_string(ERR_peek_last_error());
	error *e = good ? NULL : error_new(ERROR_INVALID, "signing with the recovery key: %s",
					   reason ? reason : "refused without a reason");
	ERR_clear_error();
	TRY(e);
	*ret = blob_take(&signature);
	return NULL;
}

error *share_sign(const struct secret *share, EVP_PKEY *key, struct blob *ret)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	TRY_ALLOC(digest);
	error *e = sign(digest, share, key, ret);
	EVP_MD_CTX_free(digest);
	return e;
}

error *share_encrypt(const struct secret *share, EVP_PKEY *public_key, struct blob *ret)
{
	CLEANUP(blob_free) struct blob sealed = { 0 };
	CLEANUP(context_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(public_key, NULL);
	TRY_ALLOC(context);
	size_t size = (size_t)EVP_PKEY_get_size(public_key);
	sealed = (struct blob){ malloc(size), size };
	TRY_ALLOC(sealed.data);
	bool good = EVP_PKEY_encrypt_init(context) > 0 && set_oaep(context) &&
		    EVP_PKEY_encrypt(context, sealed.data, &sealed.size, share->data, share->size) > 0;
	ERR_clear_error();
	if (!good)
		return error_new(ERROR_INVALID, "encrypting to the coordinator's key");
	*ret = blob_take(&sealed);
	return NULL;
}
