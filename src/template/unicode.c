#include "template/unicode.h"

#include "base/owned.h"
#include "template/unicode_table.h"

enum unicode_kind { UNICODE_OTHER, UNICODE_PRINTABLE, UNICODE_WORD };

/* The last run that begins at or before the character. */
static enum unicode_kind kind_of(uint32_t character)
{
	size_t low = 0, high = ARRAY_SIZE(unicode_runs);
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (unicode_runs[middle] >> 2 <= character)
			low = middle;
		else
			high = middle;
	}
	return unicode_runs[low] & 3;
}

bool unicode_is_word(uint32_t c)
{
	if (c < 0x80)
		return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		       (c >= 'a' && c <= 'z');
	return kind_of(c) == UNICODE_WORD;
}

bool unicode_is_printable(uint32_t c)
{
	return c < 0x80 ? c >= 0x20 && c < 0x7f : kind_of(c) != UNICODE_OTHER;
}
