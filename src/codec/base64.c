#include "codec/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct writer *w, bytes raw, const char *alphabet, bool padded)
{
	for (size_t i = 0; i < raw.size; i += 3) {
		bytes part = bytes_slice(raw, i, 3);
		uint32_t bits = (uint32_t)part.data[0] << 16;
		bits |= part.size > 1 ? (uint32_t)part.data[1] << 8 : 0;
		bits |= part.size > 2 ? part.data[2] : 0;
		char group[4] = { alphabet[bits >> 18], alphabet[bits >> 12 & 63],
				  alphabet[bits >> 6 & 63], alphabet[bits & 63] };
		size_t digits = part.size + 1;
		memset(group + digits, '=', 4 - digits);
		write_bytes(w, bytes_of(group, padded ? 4 : digits));
	}
}

void write_base64(struct writer *w, bytes raw)
{
	encode(w, raw, standard, true);
}

void write_base64url(struct writer *w, bytes raw)
{
	encode(w, raw, url, false);
}

/* By arithmetic, not by a table: no memory access depends on a character, which may be of a key. */
static int digit_value(uint8_t c, const char *alphabet)
{
	int value = -1;
	value = c >= 'A' && c <= 'Z' ? c - 'A' : value;
	value = c >= 'a' && c <= 'z' ? c - 'a' + 26 : value;
	value = c >= '0' && c <= '9' ? c - '0' + 52 : value;
	value = c == (uint8_t)alphabet[62] ? 62 : value;
	value = c == (uint8_t)alphabet[63] ? 63 : value;
	return value;
}

static error *decode(bytes text, const char *what, const char *alphabet, bool padding_required,
		     struct writer *w)
{
	uint32_t bits = 0;
	size_t digits = 0, padding = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c == '\r' || c == '\n')
			continue;
		int value = digit_value(c, alphabet);
		if (c == '=' && digits % 4 >= 2 && digits % 4 + padding < 4) {
			padding++;
			continue;
		}
		if (value < 0 || padding)
			return error_new(ERROR_INVALID, "%s: no base64 at position %zu", what, i);
		bits = bits << 6 | (uint32_t)value;
		if (++digits % 4 == 0) {
			write_u8(w, (uint8_t)(bits >> 16));
			write_u8(w, (uint8_t)(bits >> 8));
			write_u8(w, (uint8_t)bits);
			bits = 0;
		}
	}
	size_t tail = digits % 4;
	bool padded = tail == 0 ? padding == 0 : tail + padding == 4;
	bool unpadded = padding == 0 && !padding_required;
	if (tail == 1 || !(padded || unpadded))
		return error_new(ERROR_INVALID, "%s: base64 is cut off at its end", what);
	uint32_t unused = tail == 2 ? bits & 15 : tail == 3 ? bits & 3 : 0;
	if (unused)
		return error_new(ERROR_INVALID, "%s: base64 with stray bits at its end", what);
	if (tail == 2)
		write_u8(w, (uint8_t)(bits >> 4));
	if (tail == 3) {
		write_u8(w, (uint8_t)(bits >> 10));
		write_u8(w, (uint8_t)(bits >> 2));
	}
	return NULL;
}

error *base64_decode(bytes text, const char *what, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	TRY(decode(text, what, standard, true, &w));
	return blob_of_writer(&w, what, ret);
}

error *base64_decode_secret(bytes text, const char *what, struct secret *ret)
{
	CLEANUP(writer_free) struct writer w = { .secret = true };
	TRY(decode(text, what, standard, true, &w));
	return secret_of_writer(&w, what, ret);
}

error *base64url_decode(bytes text, const char *what, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	TRY(decode(text, what, url, false, &w));
	return blob_of_writer(&w, what, ret);
}
