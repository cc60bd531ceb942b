#include "attest/sim/platform_files.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/file.h"

enum { SIM_FILE_MAX = 1 << 20, SIM_SECRET_SIZE = 32 };

error *sim_path(const char *folder, const char *name, char **ret)
{
	if (asprintf(ret, "%s/%s", folder, name) < 0) {
		*ret = NULL;
		return error_no_memory();
	}
	return NULL;
}

error *sim_write(const char *folder, const char *name, bytes content, mode_t mode)
{
	CLEANUP_FREE char *path = NULL;
	TRY(sim_path(folder, name, &path));
	return file_replace(path, content, mode);
}

error *sim_read(const char *folder, const char *name, struct blob *ret)
{
	CLEANUP_FREE char *path = NULL;
	TRY(sim_path(folder, name, &path));
	return file_read(path, SIM_FILE_MAX, ret);
}

static error *read_sealing_secret(const char *path, struct secret *ret)
{
	CLEANUP(secret_free) struct secret s = { 0 };
	TRY(file_read_secret(path, SIM_FILE_MAX, &s));
	if (s.size != SIM_SECRET_SIZE)
		return error_new(ERROR_INVALID, "%s: %d bytes are expected, there are %zu", path,
				 SIM_SECRET_SIZE, s.size);
	*ret = secret_take(&s);
	return NULL;
}

/* Platforms of earlier releases get theirs on first use. */
error *sim_sealing_secret(const char *folder, struct secret *ret)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP(secret_free) struct secret fresh = { 0 };
	TRY(sim_path(folder, SIM_SEALING_SECRET, &path));
	error *e = read_sealing_secret(path, ret);
	if (!e || error_code(e) != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	TRY(secret_random(SIM_SECRET_SIZE, &fresh));
	e = file_create(path, secret_view(&fresh), 0600);
	if (e && error_code(e) != ERROR_CONFLICT)
		return e;
	error_free(e);
	return read_sealing_secret(path, ret);
}

error *sim_write_key(const char *folder, const char *name, EVP_PKEY *key)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *data;
	error *e = NULL;
	if (!text || PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) != 1)
		e = error_no_memory();
	if (!e) {
		long size = BIO_get_mem_data(text, &data);
		e = sim_write(folder, name, bytes_of(data, (size_t)size), 0600);
	}
	BIO_free(text);
	return e;
}

error *sim_read_key(const char *folder, const char *name, EVP_PKEY **ret)
{
	CLEANUP(blob_free) struct blob pem = { 0 };
	TRY(sim_read(folder, name, &pem));
	BIO *text = BIO_new_mem_buf(pem.data, (int)pem.size);
	EVP_PKEY *key = text ? PEM_read_bio_PrivateKey(text, NULL, NULL, NULL) : NULL;
	BIO_free(text);
	ERR_clear_error();
	if (!key)
		return error_new(ERROR_INVALID, "%s/%s is no private key in PEM", folder, name);
	*ret = key;
	return NULL;
}

error *sim_public_point(EVP_PKEY *key, uint8_t ret[64])
{
	uint8_t point[65];
	size_t size = 0;
	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) ||
	    size != sizeof point || point[0] != 4)
		return error_new(ERROR_INVALID, "the simulated platform's key is no P-256 key");
	memcpy(ret, point + 1, 64);
	return NULL;
}

error *sim_sign(EVP_PKEY *key, bytes message, uint8_t ret[64])
{
	uint8_t der[128];
	size_t size = sizeof der;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestSign(context, der, &size, message.data, message.size) == 1;
	EVP_MD_CTX_free(context);
	const unsigned char *at = der;
	ECDSA_SIG *signature = done ? d2i_ECDSA_SIG(NULL, &at, (long)size) : NULL;
	bool filled = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, 32) == 32 &&
		      BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + 32, 32) == 32;
	ECDSA_SIG_free(signature);
	ERR_clear_error();
	return filled ? NULL : error_new(ERROR_INTERNAL, "signing failed");
}

error *sim_signer_id(const char *folder, uint8_t ret[32])
{
	CLEANUP_KEY EVP_PKEY *key = NULL;
	uint8_t point[64];
	TRY(sim_read_key(folder, SIM_SIGNER_KEY, &key));
	TRY(sim_public_point(key, point));
	SHA256(point, sizeof point, ret);
	return NULL;
}
