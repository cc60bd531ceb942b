/* Hexadecimal text (RFC 4648 section 8, written in lower case, read in either). */
#pragma once
#include "base/blob.h"

void write_hex(struct writer *w, bytes raw);
/* Refuses an odd number of digits and anything that is no digit, naming `what`. */
error *hex_decode(bytes text, const char *what, struct blob *ret) MUST_USE;
/* The same into exactly `size` bytes. `to` is untouched on failure. */
error *hex_decode_into(bytes text, const char *what, uint8_t *to, size_t size) MUST_USE;
