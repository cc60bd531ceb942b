#include "store/recovery.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "pki/key.h"
#include "store/shamir.h"

static inline void context_free_cleanup(EVP_PKEY_CTX **owned)
{
	EVP_PKEY_CTX_free(*owned);
}

static error *read_public_key(const struct recovery_key *from, EVP_PKEY **ret)
{
	BIO *text = BIO_new_mem_buf(from->public_key_pem, -1);
	EVP_PKEY *key = text ? PEM_read_bio_PUBKEY(text, NULL, NULL, NULL) : NULL;
	BIO_free(text);
	if (!key)
		return error_new(ERROR_INVALID, "RecoveryKeys: %s: a PEM public key is expected", from->name);
	*ret = key;
	return NULL;
}

static bool set_oaep(EVP_PKEY_CTX *context)
{
	return context && EVP_PKEY_encrypt_init(context) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

static error *encrypt(const struct recovery_key *to, bytes share, struct blob *ret)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	size_t size = 0;
	TRY(read_public_key(to, &key));
	__attribute__((cleanup(context_free_cleanup))) EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new(key, NULL);
	if (!set_oaep(context) ||
	    EVP_PKEY_encrypt(context, NULL, &size, share.data, share.size) <= 0)
		return error_new(ERROR_INVALID, "RecoveryKeys: %s: an RSA key that can encrypt %zu bytes "
				 "is expected", to->name, share.size);
	CLEANUP(blob_free) struct blob encrypted = { malloc(size), size };
	TRY_ALLOC(encrypted.data);
	if (EVP_PKEY_encrypt(context, encrypted.data, &encrypted.size, share.data, share.size) <= 0)
		return error_new(ERROR_INTERNAL, "RecoveryKeys: %s: encryption failed", to->name);
	*ret = blob_take(&encrypted);
	return NULL;
}

/* All are needed: random shares, and one that makes their XOR the key. */
static error *split_xor(bytes key, size_t count, struct secret *shares)
{
	TRY(secret_copy(key, &shares[count - 1]));
	for (size_t i = 0; i + 1 < count; i++) {
		TRY(secret_random(key.size, &shares[i]));
		for (size_t byte = 0; byte < key.size; byte++)
			shares[count - 1].data[byte] ^= shares[i].data[byte];
	}
	return NULL;
}

static error *split(const struct manifest *m, bytes key, struct secret *shares)
{
	if (m->config.recovery_threshold)
		return shamir_split(key, m->recovery_key_count, m->config.recovery_threshold, shares);
	return split_xor(key, m->recovery_key_count, shares); /* of one: the key itself */
}

error *recovery_split(const struct manifest *m, bytes state_key, struct blob *ret)
{
	size_t count = m->recovery_key_count;
	struct secret *shares = calloc(count ? count : 1, sizeof *shares);
	TRY_ALLOC(shares);
	error *e = count ? split(m, state_key, shares) : NULL;
	for (size_t i = 0; !e && i < count; i++)
		e = encrypt(&m->recovery_keys[i], secret_view(&shares[i]), &ret[i]);
	for (size_t i = 0; i < count; i++)
		secret_free(&shares[i]);
	free(shares);
	return e;
}
