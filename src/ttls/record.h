/* Protection of TLS 1.3 records (RFC 8446, 5.2) and the traffic keys that change with KeyUpdate (7.2, 7.3).
 * The handshake is OpenSSL's; what carries the bytes afterwards is this, because its whole state is a secret
 * and a sequence number: it can be shared by processes, survive exec, and be given to a kernel. */
#pragma once
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	RECORD_HEADER = 5,
	RECORD_PLAIN_MAX = 16384,                 /* 2^14 */
	RECORD_CIPHERTEXT_MAX = 16384 + 256,      /* 5.2: "MUST NOT exceed 2^14 + 256 bytes" */
	RECORD_OVERHEAD = RECORD_HEADER + 1 + 16, /* header, inner type, tag */
	RECORD_MAX = RECORD_HEADER + RECORD_CIPHERTEXT_MAX,
	TRAFFIC_SECRET_MAX = 48,
	RECORD_KEY_RECORDS_MAX = 1 << 24,         /* 5.5: 2^24.5 full records for AES-GCM */
};

enum record_type { RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

struct cipher_suite {
	uint16_t id; /* RFC 8446, B.4 */
	const char *cipher, *digest;
	size_t key_size, secret_size;
};
/* NULL: not one of ours. */
const struct cipher_suite *cipher_suite_of(uint16_t id);

/* What one direction needs; made from a traffic secret. */
struct record_keys {
	EVP_CIPHER_CTX *context;
	uint8_t iv[12];
	bool sealing;
};
bool record_keys_make(const struct cipher_suite *suite, const uint8_t *secret, bool sealing,
		      struct record_keys *ret);
void record_keys_free(struct record_keys *keys);
/* The secret behind the next KeyUpdate, in place. */
bool traffic_secret_update(const struct cipher_suite *suite, uint8_t *secret);

/* The whole size of the record that begins with these RECORD_HEADER bytes; 0: not a TLS record. */
size_t record_size(const uint8_t *header);
/* Seals `size` <= RECORD_PLAIN_MAX bytes gathered from `from`; `to` has room for size + RECORD_OVERHEAD. */
bool record_seal(struct record_keys *keys, uint64_t sequence, enum record_type type, const struct iovec *from,
		 size_t size, uint8_t *to);
/* Opens a whole record in place: its content begins behind the header. False: forged, or not one that may come
 * here. */
bool record_open(struct record_keys *keys, uint64_t sequence, uint8_t *record, size_t size,
		 enum record_type *ret_type, size_t *ret_size);
