#include "base/utf8.h"

#include "base/owned.h"

/* The Unicode Standard 15.0, table 3-7, "Well-Formed UTF-8 Byte Sequences": the first byte decides
 * how many follow and what the second may be. */
struct utf8_form {
	uint8_t first_low, first_high, second_low, second_high;
	size_t size;
};
static const struct utf8_form utf8_forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool utf8_matches(const struct utf8_form *form, bytes text)
{
	const uint8_t *b = text.data;
	if (b[0] < form->first_low || b[0] > form->first_high || text.size < form->size ||
	    b[1] < form->second_low || b[1] > form->second_high)
		return false;
	for (size_t i = 2; i < form->size; i++)
		if ((b[i] & 0xc0) != 0x80)
			return false;
	return true;
}

uint32_t utf8_decode(bytes text, size_t *ret_size)
{
	*ret_size = text.size ? 1 : 0;
	if (!text.size)
		return UTF8_REPLACEMENT;
	if (text.data[0] < 0x80)
		return text.data[0];
	for (size_t i = 0; i < ARRAY_SIZE(utf8_forms); i++) {
		const struct utf8_form *form = &utf8_forms[i];
		if (!utf8_matches(form, text))
			continue;
		uint32_t character = text.data[0] & (0x7fu >> form->size);
		for (size_t n = 1; n < form->size; n++)
			character = character << 6 | (text.data[n] & 0x3f);
		*ret_size = form->size;
		return character;
	}
	return UTF8_REPLACEMENT;
}

bool utf8_can_hold(uint32_t c)
{
	return c <= UTF8_MAX && (c < 0xd800 || c > 0xdfff);
}

void write_utf8(struct writer *w, uint32_t c)
{
	if (!utf8_can_hold(c))
		c = UTF8_REPLACEMENT;
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	uint8_t encoded[4];
	for (size_t i = size; i-- > 1; c >>= 6)
		encoded[i] = (uint8_t)(0x80 | (c & 0x3f));
	encoded[0] = (uint8_t)(marks[size] | c);
	write_bytes(w, bytes_of(encoded, size));
}

size_t utf8_count(bytes text)
{
	size_t count = 0, size;
	for (; text.size; text = bytes_slice(text, size, SIZE_MAX), count++)
		utf8_decode(text, &size);
	return count;
}
