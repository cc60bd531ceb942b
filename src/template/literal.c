#include "template/literal.h"

#include <ctype.h>

#include "base/owned.h"
#include "base/utf8.h"

static int digit_value(uint8_t c)
{
	if (isdigit(c))
		return c - '0';
	return isxdigit(c) ? tolower(c) - 'a' + 10 : 16;
}

/* Takes 0x, 0o, 0b or 0 from the front. */
static unsigned take_base(bytes *text)
{
	static const struct {
		char letter;
		unsigned base;
	} prefixes[] = { { 'x', 16 }, { 'o', 8 }, { 'b', 2 } };
	if (text->size < 2 || text->data[0] != '0')
		return 10;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (tolower(text->data[1]) == prefixes[i].letter) {
			*text = bytes_slice(*text, 2, SIZE_MAX);
			return prefixes[i].base;
		}
	*text = bytes_slice(*text, 1, SIZE_MAX);
	return 8;
}

/* Has it the letters that make it a floating-point or an imaginary number? Go looks for an exponent
 * in every number that does not begin with 0x, so -0x1e is one as well. */
static bool is_float(bytes text)
{
	bool hexadecimal = text.size > 2 && text.data[0] == '0' && tolower(text.data[1]) == 'x';
	for (size_t i = 0; i < text.size; i++)
		if (memchr(hexadecimal ? ".pPi" : ".eEpPi", text.data[i], hexadecimal ? 4 : 6))
			return true;
	return false;
}

static const char *magnitude(bytes digits, unsigned base, bool prefixed, uint64_t *ret)
{
	bool digit_before = prefixed; /* an underscore may follow a prefix */
	uint64_t value = 0;
	for (size_t i = 0; i < digits.size; i++) {
		unsigned digit = (unsigned)digit_value(digits.data[i]);
		if (digits.data[i] == '_' && digit_before) {
			digit_before = false;
			continue;
		}
		if (digit >= base)
			return "an integer expected";
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return "an integer of at most 64 bits with sign expected";
		digit_before = true;
	}
	if (!digits.size || digits.data[digits.size - 1] == '_')
		return "an integer expected";
	*ret = value;
	return NULL;
}

const char *literal_integer(bytes text, int64_t *ret)
{
	if (is_float(text))
		return "an integer expected; manifests can't use floating-point or complex numbers";
	bool negative = text.data[0] == '-';
	if (negative || text.data[0] == '+')
		text = bytes_slice(text, 1, SIZE_MAX);
	uint64_t value, limit = (uint64_t)INT64_MAX + negative;
	size_t before = text.size;
	unsigned base = take_base(&text);
	const char *wrong = magnitude(text, base, text.size < before, &value);
	if (wrong)
		return wrong;
	if (value > limit)
		return "an integer of at most 64 bits with sign expected";
	*ret = (int64_t)(negative ? 0 - value : value);
	return NULL;
}

/* `count` digits from the front. */
static bool take_digits(bytes *text, size_t count, unsigned base, uint32_t *ret)
{
	uint32_t value = 0;
	if (text->size < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		unsigned digit = (unsigned)digit_value(text->data[i]);
		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*text = bytes_slice(*text, count, SIZE_MAX);
	*ret = value;
	return true;
}

/* Behind the backslash. `is_byte`: the value is one byte of a string, not a character. */
static const char *take_escape(bytes *text, char quote, uint32_t *ret, bool *is_byte)
{
	static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	static const char wrong[] = "a proper escape sequence expected after the backslash";
	if (!text->size)
		return wrong;
	char c = (char)text->data[0];
	const char *letter = c ? strchr(letters, c) : NULL;
	*is_byte = true;
	if (letter || c == quote) {
		*ret = (uint8_t)(letter ? values[letter - letters] : quote);
		*text = bytes_slice(*text, 1, SIZE_MAX);
		return NULL;
	}
	if (c >= '0' && c <= '7')
		return take_digits(text, 3, 8, ret) && *ret <= 255 ? NULL : wrong;
	size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	*is_byte = c == 'x';
	*text = bytes_slice(*text, 1, SIZE_MAX);
	if (!digits || !take_digits(text, digits, 16, ret))
		return wrong;
	return *is_byte || utf8_can_hold(*ret) ? NULL : wrong;
}

static const char *take_character(bytes *text, char quote, uint32_t *ret, bool *is_byte)
{
	size_t size;
	*is_byte = false;
	*ret = utf8_decode(*text, &size);
	*text = bytes_slice(*text, size, SIZE_MAX);
	return *ret == '\\' ? take_escape(text, quote, ret, is_byte) : NULL;
}

static bytes without_quotes(bytes text)
{
	return bytes_slice(text, 1, text.size - 2);
}

const char *literal_character(bytes text, int64_t *ret)
{
	bytes rest = without_quotes(text);
	bool is_byte;
	uint32_t character = 0;
	if (!rest.size)
		return "one character expected between '";
	const char *wrong = take_character(&rest, '\'', &character, &is_byte);
	if (!wrong && rest.size)
		return "one character expected between '";
	if (!wrong)
		*ret = character;
	return wrong;
}

const char *literal_string(bytes text, struct writer *to)
{
	for (bytes rest = without_quotes(text); rest.size;) {
		bool is_byte;
		uint32_t character = 0;
		const char *wrong = take_character(&rest, '"', &character, &is_byte);
		if (wrong)
			return wrong;
		if (is_byte)
			write_u8(to, (uint8_t)character);
		else
			write_utf8(to, character);
	}
	return NULL;
}

/* "Carriage return characters ('\r') inside raw string literals are discarded." */
void literal_raw_string(bytes text, struct writer *to)
{
	bytes inside = without_quotes(text);
	for (size_t i = 0; i < inside.size; i++)
		if (inside.data[i] != '\r')
			write_u8(to, inside.data[i]);
}
