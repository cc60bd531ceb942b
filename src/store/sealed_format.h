/* The bytes of sealed_data and sealed_key: encoding, encryption. No files. */
#pragma once
#include "base/blob.h"
#include "store/backend.h"

enum { GENERATION_SIZE = 16, NONCE_SIZE = 12, TAG_SIZE = 16, SEALED_KEY_MAX = 4096, PUBLIC_MAX = 16 << 20,
       RECORD_MAX = 1 << 30 };

/* ---- sealed_data ---- */

/* What all records of a generation share, and where the chain of them stands. */
struct generation {
	uint8_t name[GENERATION_SIZE];
	uint8_t header_digest[32];
	struct secret key;      /* of its records */
	uint64_t records;
	uint8_t last_tag[TAG_SIZE];
};
void generation_free(struct generation *g);
DEFINE_CLEANUP_IN_PLACE(generation_free, struct generation)

/* A new one; *ret_header is what the file begins with. */
error *generation_new(bytes state_key, bytes public_section, struct generation *ret, struct blob *ret_header)
	MUST_USE;
/* Reads a header; *ret_public is a view into it, *ret_size how long it is. The key comes later. */
error *generation_read(bytes file, struct generation *ret, bytes *ret_public, size_t *ret_size) MUST_USE;
error *generation_set_key(struct generation *g, bytes state_key) MUST_USE;

/* The next record with these changes; the chain moves on when record_written says so. */
error *record_seal(const struct generation *g, const struct change *changes, size_t count,
		   const struct store_head *head, struct blob *ret) MUST_USE;
void record_written(struct generation *g, bytes record);
/* Opens the next record of `rest` into the map and moves on. *ret_size 0: there is none, `rest` is empty or the
 * beginning of a record that was never finished. ERROR_DENIED when it does not authenticate. */
error *record_open(struct generation *g, bytes rest, struct map *to, struct store_head *ret_head,
		   size_t *ret_size) MUST_USE;

/* ---- sealed_key ---- */

struct key_binding {
	enum sealing_mode mode;
	bytes sealing_key; /* of that mode */
	uint8_t generation[GENERATION_SIZE];
	bytes state_key;
};
error *key_seal(const struct key_binding *bindings, size_t count, struct blob *ret) MUST_USE;
/* The state key for that generation. `keys`: by sealing_mode; empty ones are not there. ERROR_DENIED names what
 * does not fit. */
error *key_unseal(bytes file, const bytes keys[3], const uint8_t generation[GENERATION_SIZE],
		  enum sealing_mode *ret_mode, struct secret *ret) MUST_USE;
