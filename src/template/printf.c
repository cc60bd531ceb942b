/* Formats: Go's package fmt, "Printing". What Go prints as "%!verb(type=value)" is refused here. */
#include "template/printf.h"

#include "template/unicode.h"

enum { PRINTF_WIDTH_MAX = 1000000 };

struct directive {
	bool minus, plus, sharp, space, zero;
	bool has_width, has_precision;
	size_t width, precision;
	char verb;
};

/* Parsing */

static bool take_flag(bytes *format, struct directive *d)
{
	bool *flags[] = { &d->minus, &d->plus, &d->sharp, &d->space, &d->zero };
	static const char signs[] = "-+# 0";
	const char *sign = format->size ? memchr(signs, format->data[0], strlen(signs)) : NULL;
	if (!sign)
		return false;
	*flags[sign - signs] = true;
	*format = bytes_slice(*format, 1, SIZE_MAX);
	return true;
}

/* False when the number is too large. */
static bool take_number(bytes *format, bool *ret_any, size_t *ret)
{
	for (*ret_any = false; format->size && format->data[0] >= '0' && format->data[0] <= '9';
	     *format = bytes_slice(*format, 1, SIZE_MAX)) {
		*ret = *ret * 10 + (format->data[0] - '0');
		*ret_any = true;
		if (*ret > PRINTF_WIDTH_MAX)
			return false;
	}
	return true;
}

/* Behind a %. */
static const char *take_directive(bytes *format, struct directive *ret)
{
	bool any;
	*ret = (struct directive){ 0 };
	while (take_flag(format, ret))
		continue;
	if (!take_number(format, &ret->has_width, &ret->width))
		return "a width of at most 1000000 expected";
	if (format->size && format->data[0] == '.') {
		*format = bytes_slice(*format, 1, SIZE_MAX);
		ret->has_precision = true;
		if (!take_number(format, &any, &ret->precision))
			return "a precision of at most 1000000 expected";
	}
	char verb = format->size ? (char)format->data[0] : 0;
	if (!verb || !strchr("svdqxXtc%", verb))
		return "one of the verbs s v d q x X t c % expected after %, with only flags, a "
		       "width and a precision between";
	if (verb == 'v' && ret->sharp)
		return "%#v is not supported; %v or %q expected";
	ret->verb = verb;
	*format = bytes_slice(*format, 1, SIZE_MAX);
	return NULL;
}

/* Moves behind the next %, and says what stands before it. False: no further one. */
static bool next_percent(bytes *format, bytes *ret_before)
{
	const uint8_t *at = format->size ? memchr(format->data, '%', format->size) : NULL;
	size_t before = at ? (size_t)(at - format->data) : format->size;
	*ret_before = bytes_slice(*format, 0, before);
	*format = bytes_slice(*format, before + 1, SIZE_MAX);
	return at;
}

const char *printf_check(bytes format)
{
	struct directive d;
	bytes before;
	while (next_percent(&format, &before)) {
		const char *wrong = take_directive(&format, &d);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* Padding */

static void pad(struct writer *w, size_t count, char with)
{
	for (; count; count--)
		write_u8(w, (uint8_t)with);
}

/* Widths count characters. Zeros pad on the left only. */
static void write_padded(struct writer *w, const struct directive *d, bytes text, bool zeros)
{
	size_t length = d->has_width ? utf8_count(text) : 0;
	size_t missing = d->width > length ? d->width - length : 0;
	if (!d->minus)
		pad(w, missing, zeros ? '0' : ' ');
	write_bytes(w, text);
	if (d->minus)
		pad(w, missing, ' ');
}

/* Quoting */

static void write_escape(struct writer *w, uint32_t c)
{
	static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	const char *value = c && c < 0x80 ? strchr(values, (int)c) : NULL;
	if (value)
		write_format(w, "\\%c", letters[value - values]);
	else if (c < ' ' || c == 0x7f)
		write_format(w, "\\x%02x", (unsigned)c);
	else
		write_format(w, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

static void write_quoted_character(struct writer *w, uint32_t c, char quote, bool ascii)
{
	if (c == (uint8_t)quote || c == '\\') {
		write_u8(w, '\\');
		write_u8(w, (uint8_t)c);
	} else if (unicode_is_printable(c) && (c < 0x80 || !ascii)) {
		write_utf8(w, c);
	} else {
		write_escape(w, c);
	}
}

static void write_quoted(struct writer *w, bytes text, bool ascii)
{
	size_t size;
	write_u8(w, '"');
	for (; text.size; text = bytes_slice(text, size, SIZE_MAX)) {
		uint32_t c = utf8_decode(text, &size);
		if (c == UTF8_REPLACEMENT && size == 1)
			write_format(w, "\\x%02x", text.data[0]);
		else
			write_quoted_character(w, c, '"', ascii);
	}
	write_u8(w, '"');
}

/* Can it stand between `…` on one line? */
static bool can_be_raw(bytes text)
{
	size_t size;
	for (; text.size; text = bytes_slice(text, size, SIZE_MAX)) {
		uint32_t c = utf8_decode(text, &size);
		if ((c == UTF8_REPLACEMENT && size == 1) || c == 0xfeff || c == '`' ||
		    c == 0x7f || (c < ' ' && c != '\t'))
			return false;
	}
	return true;
}

static void quote_string(struct writer *w, const struct directive *d, bytes text)
{
	if (d->sharp && can_be_raw(text)) {
		write_u8(w, '`');
		write_bytes(w, text);
		write_u8(w, '`');
	} else {
		write_quoted(w, text, d->plus);
	}
}

/* Strings */

static bytes first_characters(bytes text, size_t count)
{
	size_t taken = 0, size;
	for (; count && taken < text.size; count--, taken += size)
		utf8_decode(bytes_slice(text, taken, SIZE_MAX), &size);
	return bytes_slice(text, 0, taken);
}

/* Precision counts bytes here; the space flag puts spaces, # puts 0x (before each, with both). */
static void write_hex_string(struct writer *w, const struct directive *d, bytes text)
{
	const char *digits = d->verb == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
	const char *prefix = !d->sharp ? "" : d->verb == 'x' ? "0x" : "0X";
	if (d->has_precision)
		text = bytes_slice(text, 0, d->precision);
	for (size_t i = 0; i < text.size; i++) {
		if (d->space && i)
			write_u8(w, ' ');
		if (d->space || !i)
			write_string(w, prefix);
		write_u8(w, (uint8_t)digits[text.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[text.data[i] & 15]);
	}
}

static void format_string(struct writer *w, const struct directive *d, bytes text)
{
	CLEANUP(writer_free) struct writer piece = { .secret = true, .limit = w->limit };
	if (d->has_precision && d->verb != 'x' && d->verb != 'X')
		text = first_characters(text, d->precision);
	if (d->verb == 'q')
		quote_string(&piece, d, text);
	else if (d->verb == 'x' || d->verb == 'X')
		write_hex_string(&piece, d, text);
	else
		write_bytes(&piece, text);
	w->failed = w->failed || piece.failed;
	w->too_large = w->too_large || piece.too_large;
	write_padded(w, d, writer_view(&piece), d->zero);
}

/* Integers */

static size_t put_digits(uint64_t magnitude, unsigned base, bool upper, char digits[20])
{
	const char *symbols = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t count = 0;
	char reversed[20];
	do {
		reversed[count++] = symbols[magnitude % base];
		magnitude /= base;
	} while (magnitude);
	for (size_t i = 0; i < count; i++)
		digits[i] = reversed[count - 1 - i];
	return count;
}

/* "For integers, precision sets the minimum number of digits"; the flag 0 does the same with the
 * width, less the sign. */
static size_t least_digits(const struct directive *d, bool has_sign)
{
	if (d->has_precision)
		return d->precision;
	if (!d->zero || d->minus || !d->has_width)
		return 0;
	return d->width - (has_sign && d->width);
}

static void format_number(struct writer *w, const struct directive *d, int64_t value)
{
	CLEANUP(writer_free) struct writer piece = { .secret = true };
	char digits[20];
	bool hexadecimal = d->verb == 'x' || d->verb == 'X', negative = value < 0;
	/* the plus of %+v asks for field names of structures, not for a sign */
	bool plus = d->plus && d->verb != 'v';
	uint64_t magnitude = negative ? 0 - (uint64_t)value : (uint64_t)value;
	if (d->has_precision && !d->precision && !value) {
		pad(w, d->width, ' ');
		return;
	}
	size_t count = put_digits(magnitude, hexadecimal ? 16 : 10, d->verb == 'X', digits);
	size_t least = least_digits(d, negative || plus || d->space);
	write_string(&piece, negative ? "-" : plus ? "+" : d->space ? " " : "");
	if (hexadecimal && d->sharp)
		write_string(&piece, d->verb == 'x' ? "0x" : "0X");
	pad(&piece, least > count ? least - count : 0, '0');
	write_bytes(&piece, bytes_of(digits, count));
	w->failed = w->failed || piece.failed;
	write_padded(w, d, writer_view(&piece), false);
}

/* %c and %q of a number: the character with that code point. */
static void format_character(struct writer *w, const struct directive *d, int64_t value)
{
	CLEANUP(writer_free) struct writer piece = { .secret = true };
	uint32_t c = value < 0 || value > UTF8_MAX ? UTF8_REPLACEMENT : (uint32_t)value;
	if (!utf8_can_hold(c))
		c = UTF8_REPLACEMENT;
	if (d->verb == 'q') {
		write_u8(&piece, '\'');
		write_quoted_character(&piece, c, '\'', d->plus);
		write_u8(&piece, '\'');
	} else {
		write_utf8(&piece, c);
	}
	w->failed = w->failed || piece.failed;
	write_padded(w, d, writer_view(&piece), d->zero);
}

/* All together */

/* The verbs that Go has for a kind of value. */
static const char *verbs_of(enum value_kind kind)
{
	switch (kind) {
	case VALUE_NOTHING:
		return "v";
	case VALUE_BOOLEAN:
		return "vt";
	case VALUE_INTEGER:
		return "vdxXcq";
	case VALUE_STRING:
		return "vsxXq";
	case VALUE_OBJECT:
		break;
	}
	return "";
}

static const char *format_value(struct writer *w, const struct directive *d, const struct value *v)
{
	if (v->kind == VALUE_OBJECT)
		return "an object can't be printed";
	if (!strchr(verbs_of(v->kind), d->verb))
		return "a verb does not fit the kind of its argument; v fits strings, integers and "
		       "booleans";
	if (v->kind == VALUE_STRING)
		format_string(w, d, v->string);
	else if (v->kind == VALUE_INTEGER && (d->verb == 'c' || d->verb == 'q'))
		format_character(w, d, v->integer);
	else if (v->kind == VALUE_INTEGER)
		format_number(w, d, v->integer);
	else if (v->kind == VALUE_BOOLEAN)
		write_padded(w, d, bytes_of_string(v->boolean ? "true" : "false"), d->zero);
	else
		write_padded(w, d, bytes_of_string("<nil>"), d->zero);
	return NULL;
}

const char *printf_run(bytes format, const struct value *arguments, size_t count, struct writer *w)
{
	struct directive d;
	bytes before;
	size_t used = 0;
	while (next_percent(&format, &before)) {
		write_bytes(w, before);
		const char *wrong = take_directive(&format, &d);
		if (wrong)
			return wrong;
		if (d.verb == '%')
			write_u8(w, '%');
		else if (used == count)
			return "it has more verbs than there are arguments";
		else if ((wrong = format_value(w, &d, &arguments[used++])) != NULL)
			return wrong;
	}
	write_bytes(w, before);
	return used < count ? "it has fewer verbs than there are arguments" : NULL;
}

void write_value(struct writer *w, const struct value *v)
{
	static const struct directive plain = { .verb = 'v' };
	(void)!format_value(w, &plain, v);
}
