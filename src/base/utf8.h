/* Characters in bytes (The Unicode Standard, "UTF-8"). */
#pragma once
#include "base/bytes.h"
#include "base/writer.h"

enum { UTF8_REPLACEMENT = 0xfffd, UTF8_MAX = 0x10ffff };

/* Decodes the first character and says how many bytes it took. A byte that is no UTF-8 gives U+FFFD
 * and counts for itself. Empty text gives size 0. */
uint32_t utf8_decode(bytes text, size_t *ret_size);
/* Is it a character that UTF-8 can express, neither a surrogate nor too large? */
bool utf8_can_hold(uint32_t character);
/* Appends a character; U+FFFD in place of what is none. */
void write_utf8(struct writer *w, uint32_t character);
/* How many characters the text has. */
size_t utf8_count(bytes text);
