#include "store/recovery_internal.h"

#include <openssl/evp.h>

#include "pki/key.h"
#include "store/shamir.h"

static inline void context_free_cleanup(EVP_PKEY_CTX **owned)
{
	EVP_PKEY_CTX_free(*owned);
}

static error *encrypt(const struct recovery_key *to, bytes share, struct blob *ret)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	size_t size = 0;
	TRY_CTX(recovery_key_read(bytes_of_string(to->public_key_pem), &key), "RecoveryKeys: %s", to->name);
	__attribute__((cleanup(context_free_cleanup))) EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new(key, NULL);
	if (!context || EVP_PKEY_encrypt_init(context) <= 0 || !recovery_set_oaep(context) ||
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

size_t recovery_needed(const struct manifest *m)
{
	return m->config.recovery_threshold ? (size_t)m->config.recovery_threshold : m->recovery_key_count;
}

static error *split(const struct manifest *m, bytes key, struct secret *shares)
{
	if (recovery_needed(m) < m->recovery_key_count)
		return shamir_split(key, m->recovery_key_count, recovery_needed(m), shares);
	return split_xor(key, m->recovery_key_count, shares); /* of one: the key itself */
}

static error *write_public(const struct manifest *m, const struct secret *shares, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_u8(&w, PUBLIC_VERSION);
	write_be16(&w, (uint16_t)recovery_needed(m));
	write_be16(&w, (uint16_t)m->recovery_key_count);
	for (size_t i = 0; i < m->recovery_key_count; i++) {
		const struct recovery_key *key = &m->recovery_keys[i];
		uint8_t digest[32];
		TRY(recovery_digest(secret_view(&shares[i]), digest));
		write_be16(&w, (uint16_t)strlen(key->name));
		write_string(&w, key->name);
		write_be16(&w, (uint16_t)strlen(key->public_key_pem));
		write_string(&w, key->public_key_pem);
		write_bytes(&w, BYTES_OF_ARRAY(digest));
	}
	return blob_of_writer(&w, "recovery", ret);
}

static error *make_parts(const struct manifest *m, bytes state_key, struct secret *shares,
			 struct recovery_parts *parts)
{
	size_t count = m->recovery_key_count;
	parts->encrypted = calloc(count + 1, sizeof *parts->encrypted);
	TRY_ALLOC(parts->encrypted);
	if (count)
		TRY(split(m, state_key, shares));
	for (; parts->count < count; parts->count++)
		TRY(encrypt(&m->recovery_keys[parts->count], secret_view(&shares[parts->count]),
			    &parts->encrypted[parts->count]));
	return write_public(m, shares, &parts->public_section);
}

error *recovery_split(const struct manifest *m, bytes state_key, struct recovery_parts *ret)
{
	CLEANUP(recovery_parts_free) struct recovery_parts parts = { 0 };
	struct secret *shares = calloc(m->recovery_key_count + 1, sizeof *shares);
	TRY_ALLOC(shares);
	error *e = make_parts(m, state_key, shares, &parts);
	for (size_t i = 0; i < m->recovery_key_count; i++)
		secret_free(&shares[i]);
	free(shares);
	TRY(e);
	*ret = parts;
	parts = (struct recovery_parts){ 0 };
	return NULL;
}

void recovery_parts_free(struct recovery_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		blob_free(&parts->encrypted[i]);
	free(parts->encrypted);
	blob_free(&parts->public_section);
	*parts = (struct recovery_parts){ 0 };
}
