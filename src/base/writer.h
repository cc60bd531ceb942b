/* Bytes that grow, with a sticky failure: put what you like, ask once at the end. */
#pragma once
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct writer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	size_t limit;  /* most bytes it may hold; 0: only memory limits it */
	bool secret;   /* what it held is wiped when it moves or is released */
	bool failed;   /* out of memory */
	bool too_large; /* over the limit */
};

void write_bytes(struct writer *w, bytes more);
void write_string(struct writer *w, const char *text);
void write_format(struct writer *w, const char *format, ...) PRINTF_LIKE(2, 3);
void write_u8(struct writer *w, uint8_t value);
void write_le16(struct writer *w, uint16_t value);
void write_le32(struct writer *w, uint32_t value);
void write_le64(struct writer *w, uint64_t value);
void write_be16(struct writer *w, uint16_t value);
void write_be32(struct writer *w, uint32_t value);
void write_be64(struct writer *w, uint64_t value);
/* be32 size, then the bytes: a part of an injective encoding. */
void write_sized(struct writer *w, bytes part);
void write_zeros(struct writer *w, size_t count);
/* Did everything fit? ERROR_NO_MEMORY or ERROR_TOO_LARGE otherwise, naming `what`. */
error *writer_check(const struct writer *w, const char *what) MUST_USE;
/* What was written so far; valid until the next write. */
bytes writer_view(const struct writer *w);
/* Hands the text over as a C string (a NUL is added). NULL after a failure. Free with free(). */
char *writer_take_string(struct writer *w);
/* Forgets the content, keeps the memory. */
void writer_reset(struct writer *w);
void writer_free(struct writer *w);
DEFINE_CLEANUP_IN_PLACE(writer_free, struct writer)
