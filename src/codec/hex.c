#include "codec/hex.h"

void write_hex(struct writer *w, bytes raw)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < raw.size; i++) {
		char pair[2] = { digits[raw.data[i] >> 4], digits[raw.data[i] & 15] };
		write_bytes(w, bytes_of(pair, 2));
	}
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static error *decode(bytes text, const char *what, uint8_t *to)
{
	for (size_t i = 0; i < text.size / 2; i++) {
		int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return error_new(ERROR_INVALID, "%s: no hexadecimal digit at position %zu",
					 what, 2 * i + (high >= 0));
		to[i] = (uint8_t)(high << 4 | low);
	}
	return NULL;
}

error *hex_decode(bytes text, const char *what, struct blob *ret)
{
	if (text.size % 2)
		return error_new(ERROR_INVALID, "%s: %zu hexadecimal digits, an even number expected",
				 what, text.size);
	CLEANUP(blob_free) struct blob raw = { malloc(text.size / 2 + 1), text.size / 2 };
	TRY_ALLOC(raw.data);
	TRY(decode(text, what, raw.data));
	*ret = blob_take(&raw);
	return NULL;
}

error *hex_decode_into(bytes text, const char *what, uint8_t *to, size_t size)
{
	CLEANUP(blob_free) struct blob raw = { 0 };
	TRY(hex_decode(text, what, &raw));
	if (raw.size != size)
		return error_new(ERROR_INVALID, "%s: %zu hexadecimal digits, %zu expected", what,
				 text.size, 2 * size);
	memcpy(to, raw.data, size);
	return NULL;
}
