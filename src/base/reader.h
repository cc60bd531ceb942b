/* A cursor over foreign bytes that remembers its first failure: reads past the end give zeros,
 * and reader_finish says what was missing. So a parser reads like the format's own table. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

struct reader {
	bytes rest;
	size_t offset;    /* of `rest` in the whole, bytes */
	size_t missing;   /* of the first read that failed: how many bytes were wanted */
	size_t failed_at; /* its offset */
	bool failed;
};

struct reader reader_of(bytes whole);
uint8_t read_u8(struct reader *r);
uint16_t read_le16(struct reader *r);
uint32_t read_le32(struct reader *r);
uint64_t read_le64(struct reader *r);
uint16_t read_be16(struct reader *r);
uint32_t read_be32(struct reader *r);
uint64_t read_be64(struct reader *r);
/* A view of the next `size` bytes; empty when there are fewer. */
bytes read_view(struct reader *r, size_t size);
/* Copies the next `size` bytes to `to`, or zeros when there are fewer. */
void read_into(struct reader *r, void *to, size_t size);
/* All that is left. */
bytes read_rest(struct reader *r);
/* ERROR_INVALID naming `what` when something was missing or something is left over. */
error *reader_finish(const struct reader *r, const char *what) MUST_USE;
/* The same, bytes left over allowed. */
error *reader_check(const struct reader *r, const char *what) MUST_USE;
