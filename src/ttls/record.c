#include "ttls/record.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <string.h>

enum { TAG = 16 };

static const struct cipher_suite suites[] = {
	{ 0x1301, "AES-128-GCM", "SHA256", 16, 32 },
	{ 0x1302, "AES-256-GCM", "SHA384", 32, 48 },
	{ 0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32 },
};

const struct cipher_suite *cipher_suite_of(uint16_t id)
{
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

/* HKDF-Expand-Label(secret, label, "", size) (RFC 8446, 7.1). */
static bool expand_label(const struct cipher_suite *suite, const uint8_t *secret, const char *label, uint8_t *to,
			 size_t size)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)suite->digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
						  suite->secret_size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)(uintptr_t)"tls13 ", 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)(uintptr_t)label,
						  strlen(label)),
		OSSL_PARAM_construct_end(),
	};
	bool made = context && EVP_KDF_derive(context, to, size, parameters) > 0;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return made;
}

bool record_keys_make(const struct cipher_suite *suite, const uint8_t *secret, bool sealing,
		      struct record_keys *ret)
{
	uint8_t key[32];
	struct record_keys keys = { .sealing = sealing };
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, suite->cipher, NULL);
	keys.context = EVP_CIPHER_CTX_new();
	bool made = cipher && keys.context && expand_label(suite, secret, "key", key, suite->key_size) &&
		    expand_label(suite, secret, "iv", keys.iv, sizeof keys.iv) &&
		    EVP_CipherInit_ex2(keys.context, cipher, key, NULL, sealing, NULL) == 1;
	explicit_bzero(key, sizeof key);
	EVP_CIPHER_free(cipher);
	if (!made) {
		record_keys_free(&keys);
		return false;
	}
	record_keys_free(ret);
	*ret = keys;
	return true;
}

void record_keys_free(struct record_keys *keys)
{
	EVP_CIPHER_CTX_free(keys->context);
	explicit_bzero(keys, sizeof *keys);
}

bool traffic_secret_update(const struct cipher_suite *suite, uint8_t *secret)
{
	uint8_t next[TRAFFIC_SECRET_MAX];
	bool made = expand_label(suite, secret, "traffic upd", next, suite->secret_size);
	if (made)
		memcpy(secret, next, suite->secret_size);
	explicit_bzero(next, sizeof next);
	return made;
}

size_t record_size(const uint8_t *header)
{
	size_t size = (size_t)header[3] << 8 | header[4];
	if (header[0] < RECORD_CHANGE_CIPHER_SPEC || header[0] > RECORD_DATA || header[1] != 3 || header[2] > 4 ||
	    !size || size > RECORD_CIPHERTEXT_MAX)
		return 0;
	return RECORD_HEADER + size;
}

/* 5.3: the sequence number, padded to the left, exclusive-or the IV. */
static bool begin(struct record_keys *keys, uint64_t sequence, const uint8_t *header)
{
	uint8_t nonce[12];
	int size;
	memcpy(nonce, keys->iv, sizeof nonce);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(sequence >> (56 - 8 * i));
	return EVP_CipherInit_ex2(keys->context, NULL, NULL, nonce, keys->sealing, NULL) == 1 &&
	       EVP_CipherUpdate(keys->context, NULL, &size, header, RECORD_HEADER) == 1;
}

bool record_seal(struct record_keys *keys, uint64_t sequence, enum record_type type, const struct iovec *from,
		 size_t size, uint8_t *to)
{
	size_t outer = size + 1 + TAG;
	uint8_t inner_type = (uint8_t)type, *at = to + RECORD_HEADER;
	const uint8_t header[RECORD_HEADER] = { RECORD_DATA, 3, 3, (uint8_t)(outer >> 8), (uint8_t)outer };
	int made;
	memcpy(to, header, sizeof header);
	if (!begin(keys, sequence, header))
		return false;
	for (size_t left = size; left; from++) {
		size_t part = from->iov_len < left ? from->iov_len : left;
		if (part && EVP_CipherUpdate(keys->context, at, &made, from->iov_base, (int)part) != 1)
			return false;
		at += part;
		left -= part;
	}
	return EVP_CipherUpdate(keys->context, at, &made, &inner_type, 1) == 1 &&
	       EVP_CipherFinal_ex(keys->context, at + 1, &made) == 1 &&
	       EVP_CIPHER_CTX_ctrl(keys->context, EVP_CTRL_AEAD_GET_TAG, TAG, at + 1) == 1;
}

bool record_open(struct record_keys *keys, uint64_t sequence, uint8_t *record, size_t size,
		 enum record_type *ret_type, size_t *ret_size)
{
	uint8_t *content = record + RECORD_HEADER;
	int made;
	if (record[0] != RECORD_DATA || size < RECORD_HEADER + 1 + TAG)
		return false;
	size_t inner = size - RECORD_HEADER - TAG;
	if (!begin(keys, sequence, record) ||
	    EVP_CIPHER_CTX_ctrl(keys->context, EVP_CTRL_AEAD_SET_TAG, TAG, content + inner) != 1 ||
	    EVP_CipherUpdate(keys->context, content, &made, content, (int)inner) != 1 ||
	    EVP_CipherFinal_ex(keys->context, content + inner, &made) != 1)
		return false;
	/* 5.4: the type is the last byte that is not zero. */
	while (inner && !content[inner - 1])
		inner--;
	if (!inner || inner - 1 > RECORD_PLAIN_MAX)
		return false;
	*ret_type = content[inner - 1];
	*ret_size = inner - 1;
	return true;
}
