#include "base/reader.h"

#include <endian.h>

struct reader reader_of(bytes whole)
{
	return (struct reader){ .rest = whole };
}

bytes read_view(struct reader *r, size_t size)
{
	if (r->failed || size > r->rest.size) {
		if (!r->failed) {
			r->failed = true;
			r->failed_at = r->offset;
			r->missing = size;
		}
		return BYTES_EMPTY;
	}
	bytes view = { r->rest.data, size };
	r->rest.data = size ? r->rest.data + size : r->rest.data;
	r->rest.size -= size;
	r->offset += size;
	return view;
}

void read_into(struct reader *r, void *to, size_t size)
{
	bytes view = read_view(r, size);
	if (view.size == size && size)
		memcpy(to, view.data, size);
	else
		memset(to, 0, size);
}

bytes read_rest(struct reader *r)
{
	return r->failed ? BYTES_EMPTY : read_view(r, r->rest.size);
}

uint8_t read_u8(struct reader *r)
{
	uint8_t value;
	read_into(r, &value, sizeof value);
	return value;
}

#define DEFINE_READ(name, type, convert)                                                           \
	type name(struct reader *r)                                                                \
	{                                                                                          \
		type value;                                                                        \
		read_into(r, &value, sizeof value);                                                \
		return convert(value);                                                             \
	}
DEFINE_READ(read_le16, uint16_t, le16toh)
DEFINE_READ(read_le32, uint32_t, le32toh)
DEFINE_READ(read_le64, uint64_t, le64toh)
DEFINE_READ(read_be16, uint16_t, be16toh)
DEFINE_READ(read_be32, uint32_t, be32toh)
DEFINE_READ(read_be64, uint64_t, be64toh)

error *reader_check(const struct reader *r, const char *what)
{
	if (r->failed)
		return error_new(ERROR_INVALID,
				 "%s is truncated: %zu bytes expected at offset %zu, %zu there", what,
				 r->missing, r->failed_at, r->rest.size);
	return NULL;
}

error *reader_finish(const struct reader *r, const char *what)
{
	TRY(reader_check(r, what));
	if (r->rest.size)
		return error_new(ERROR_INVALID, "%s has %zu bytes left over at offset %zu", what,
				 r->rest.size, r->offset);
	return NULL;
}
