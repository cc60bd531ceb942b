/* Characters, as far as templates need to know them. */
#pragma once
#include "base/bytes.h"
#include "base/writer.h"

enum { UNICODE_REPLACEMENT = 0xfffd, UNICODE_MAX = 0x10ffff };

/* Decodes the first character of UTF-8 text and says how many bytes it took. As in Go, a byte that
 * is no UTF-8 gives U+FFFD and counts for itself. Empty text gives size 0. */
uint32_t utf8_decode(bytes text, size_t *ret_size);
/* Appends a character; U+FFFD in place of what is none. */
void write_utf8(struct writer *w, uint32_t character);
/* How many characters the text has. */
size_t utf8_count(bytes text);

bool unicode_is_valid(uint32_t character);
/* A letter, a decimal digit or '_': what names are made of. */
bool unicode_is_word(uint32_t character);
/* Letters, marks, numbers, punctuation, symbols and the ASCII space. */
bool unicode_is_printable(uint32_t character);
