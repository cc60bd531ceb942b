/* A view of bytes that somebody else owns. Never freed through this type. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	const uint8_t *data;
	size_t size;
} bytes;

#define BYTES_EMPTY ((bytes){ NULL, 0 })
/* A view of a whole array. Not for pointers. */
#define BYTES_OF_ARRAY(array) ((bytes){ (const uint8_t *)(array), sizeof(array) })

static inline bytes bytes_of(const void *data, size_t size)
{
	return (bytes){ data, size };
}

/* The characters of a C string, without its NUL. NULL gives the empty view. */
static inline bytes bytes_of_string(const char *text)
{
	return (bytes){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

/* Not constant-time: for public data. Secrets use secret_equal. */
static inline bool bytes_equal(bytes a, bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_string(bytes a, const char *text)
{
	return bytes_equal(a, bytes_of_string(text));
}

/* Total order: by content, a prefix before what it is a prefix of. */
static inline int bytes_compare(bytes a, bytes b)
{
	size_t shorter = a.size < b.size ? a.size : b.size;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* At most `size` bytes from `offset`; what lies outside is left out. */
static inline bytes bytes_slice(bytes whole, size_t offset, size_t size)
{
	if (offset > whole.size)
		offset = whole.size;
	if (size > whole.size - offset)
		size = whole.size - offset;
	return (bytes){ whole.data ? whole.data + offset : NULL, size };
}
