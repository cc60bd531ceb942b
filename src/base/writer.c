#include "base/writer.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>

static void wipe(struct writer *w)
{
	if (w->secret && w->data)
		explicit_bzero(w->data, w->capacity);
}

/* Room for `more` bytes behind what is there; false (sticky) when it can't be had. */
static bool writer_reserve(struct writer *w, size_t more)
{
	size_t needed;
	if (w->failed || w->too_large)
		return false;
	if (__builtin_add_overflow(w->size, more, &needed) || (w->limit && needed > w->limit)) {
		w->too_large = true;
		return false;
	}
	if (needed <= w->capacity)
		return true;
	size_t capacity = w->capacity ? w->capacity : 64;
	while (capacity < needed)
		if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
			capacity = needed;
	/* Not realloc: it would leave a copy of a secret behind. */
	uint8_t *data = malloc(capacity);
	if (!data) {
		w->failed = true;
		return false;
	}
	if (w->size)
		memcpy(data, w->data, w->size);
	wipe(w);
	free(w->data);
	w->data = data;
	w->capacity = capacity;
	return true;
}

void write_bytes(struct writer *w, bytes more)
{
	if (!more.size || !writer_reserve(w, more.size))
		return;
	memcpy(w->data + w->size, more.data, more.size);
	w->size += more.size;
}

void write_string(struct writer *w, const char *text)
{
	write_bytes(w, bytes_of_string(text));
}

void write_format(struct writer *w, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		w->failed = true;
		return;
	}
	write_bytes(w, bytes_of(text, (size_t)length));
	if (w->secret)
		explicit_bzero(text, (size_t)length);
	free(text);
}

void write_sized(struct writer *w, bytes part)
{
	if (part.size > UINT32_MAX) {
		w->too_large = true;
		return;
	}
	write_be32(w, (uint32_t)part.size);
	write_bytes(w, part);
}

void write_zeros(struct writer *w, size_t count)
{
	if (!count || !writer_reserve(w, count))
		return;
	memset(w->data + w->size, 0, count);
	w->size += count;
}

void write_u8(struct writer *w, uint8_t value)
{
	write_bytes(w, bytes_of(&value, 1));
}

#define DEFINE_WRITE(name, type, convert)                                                          \
	void name(struct writer *w, type value)                                                    \
	{                                                                                          \
		type wire = convert(value);                                                        \
		write_bytes(w, bytes_of(&wire, sizeof wire));                                      \
	}
DEFINE_WRITE(write_le16, uint16_t, htole16)
DEFINE_WRITE(write_le32, uint32_t, htole32)
DEFINE_WRITE(write_le64, uint64_t, htole64)
DEFINE_WRITE(write_be16, uint16_t, htobe16)
DEFINE_WRITE(write_be32, uint32_t, htobe32)
DEFINE_WRITE(write_be64, uint64_t, htobe64)

error *writer_check(const struct writer *w, const char *what)
{
	if (w->too_large)
		return error_new(ERROR_TOO_LARGE, "%s is larger than %zu bytes", what, w->limit);
	return w->failed ? error_no_memory() : NULL;
}

bytes writer_view(const struct writer *w)
{
	return bytes_of(w->data, w->size);
}

char *writer_take_string(struct writer *w)
{
	w->limit = 0;
	write_u8(w, 0);
	if (w->failed || w->too_large) {
		writer_free(w);
		return NULL;
	}
	char *text = (char *)w->data;
	*w = (struct writer){ .secret = w->secret };
	return text;
}

void writer_reset(struct writer *w)
{
	wipe(w);
	w->size = 0;
	w->failed = w->too_large = false;
}

void writer_free(struct writer *w)
{
	wipe(w);
	free(w->data);
	w->data = NULL;
	w->size = w->capacity = 0;
}
