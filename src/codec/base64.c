#include "codec/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_group(uint32_t bits, const char *alphabet, char to[4])
{
	to[0] = alphabet[bits >> 18];
	to[1] = alphabet[bits >> 12 & 63];
	to[2] = alphabet[bits >> 6 & 63];
	to[3] = alphabet[bits & 63];
}

/* One or two bytes that are left. */
static void encode_last(struct writer *w, bytes part, const char *alphabet, bool padded)
{
	char group[4];
	size_t digits = part.size + 1;
	uint32_t bits = (uint32_t)part.data[0] << 16;
	bits |= part.size > 1 ? (uint32_t)part.data[1] << 8 : 0;
	encode_group(bits, alphabet, group);
	memset(group + digits, '=', 4 - digits);
	write_bytes(w, bytes_of(group, padded ? 4 : digits));
	explicit_bzero(group, sizeof group);
}

static void encode(struct writer *w, bytes raw, const char *alphabet, bool padded)
{
	enum { GROUPS = 256 };
	char text[GROUPS * 4];
	size_t whole = raw.size / 3, used = 0;
	for (size_t done = 0; done < whole; done += used) {
		const uint8_t *from = raw.data + done * 3;
		used = whole - done < GROUPS ? whole - done : GROUPS;
		for (size_t i = 0; i < used; i++, from += 3)
			encode_group((uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2], alphabet,
				     text + i * 4);
		write_bytes(w, bytes_of(text, used * 4));
	}
	if (w->secret)
		explicit_bzero(text, sizeof text);
	if (raw.size % 3)
		encode_last(w, bytes_slice(raw, whole * 3, 2), alphabet, padded);
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
