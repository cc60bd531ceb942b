#include "attest/sgx/der.h"

static void fail(struct reader *r)
{
	read_view(r, SIZE_MAX);
}

static size_t read_length(struct reader *r)
{
	uint8_t first = read_u8(r);
	if (first < 0x80)
		return first;
	size_t length = 0, count = first & 0x7f;
	if (count == 0 || count > 3)
		fail(r);
	for (size_t i = 0; i < count && !r->failed; i++)
		length = length << 8 | read_u8(r);
	bool minimal = length >= 0x80 && (count == 1 || length >> 8 * (count - 1));
	if (!minimal)
		fail(r);
	return length;
}

bytes der_next(struct reader *r, uint8_t *tag)
{
	*tag = read_u8(r);
	size_t length = read_length(r);
	return read_view(r, length);
}

bytes der_expect(struct reader *r, uint8_t tag)
{
	uint8_t found;
	bytes content = der_next(r, &found);
	if (found != tag)
		fail(r);
	return content;
}
