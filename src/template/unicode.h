/* Kinds of characters, as far as templates need to know them. */
#pragma once
#include "base/utf8.h"

/* A letter, a decimal digit or '_': what names are made of. */
bool unicode_is_word(uint32_t character);
/* Letters, marks, numbers, punctuation, symbols and the ASCII space. */
bool unicode_is_printable(uint32_t character);
