/* The walk over DER, held against the rules of X.690 for every short input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attest/sgx/der.h"
#include "base/owned.h"

/* Sizes of content that are told in each way, and around where the way changes. */
static void lengths_are_read(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x12345 };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t size = sizes[i], more = size < 0x80 ? 0 : size < 0x100 ? 1 : size < 0x10000 ? 2 : 3;
		size_t whole = 2 + more + size;
		CLEANUP_FREE uint8_t *raw = calloc(1, whole + 1);
		raw[0] = DER_OCTET_STRING;
		raw[1] = (uint8_t)(more ? 0x80 | more : size);
		for (size_t k = 0; k < more; k++)
			raw[2 + k] = (uint8_t)(size >> 8 * (more - 1 - k));
		struct reader r = reader_of(bytes_of(raw, whole));
		bytes content = der_expect(&r, DER_OCTET_STRING);
		assert_false(r.failed);
		assert_int_equal(content.size, size);
		assert_true(!size || content.data == raw + whole - size);
		assert_int_equal(r.rest.size, 0);
		/* every shorter input is cut somewhere; what follows the element stays */
		for (size_t cut = 0; cut < whole; cut += 1 + cut / 64) {
			struct reader shorter = reader_of(bytes_of(raw, cut));
			assert_int_equal(der_expect(&shorter, DER_OCTET_STRING).size, 0);
			assert_true(shorter.failed);
		}
		struct reader longer = reader_of(bytes_of(raw, whole + 1));
		der_expect(&longer, DER_OCTET_STRING);
		assert_int_equal(longer.rest.size, 1);
	}
}

/* What X.690 (8.1.3, 10.1) makes of the octets behind the tag: the definite length in the least octets; SIZE_MAX when
 * it is none, or more than three octets that we never need. */
static size_t length_by_the_rules(const uint8_t *raw, size_t size, size_t *ret_octets)
{
	*ret_octets = 1;
	if (!size)
		return SIZE_MAX;
	if (raw[0] < 0x80)
		return raw[0];
	size_t count = raw[0] & 0x7f, length = 0;
	if (count < 1 || count > 3 || count > size - 1 || raw[1] == 0)
		return SIZE_MAX;
	for (size_t i = 0; i < count; i++)
		length = length * 256 + raw[1 + i];
	*ret_octets = 1 + count;
	return length < 0x80 ? SIZE_MAX : length;
}

static void check(const uint8_t *raw, size_t size)
{
	/* exactly sized memory, so that reading past it shows under a sanitizer */
	CLEANUP_FREE uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, raw, size);
	struct reader r = reader_of(bytes_of(copy, size));
	uint8_t tag;
	bytes content = der_next(&r, &tag);
	size_t octets, length = size ? length_by_the_rules(raw + 1, size - 1, &octets) : SIZE_MAX;
	if (length == SIZE_MAX || length > size - 1 - octets) {
		assert_true(r.failed && content.size == 0);
		return;
	}
	assert_false(r.failed);
	assert_int_equal(tag, raw[0]);
	assert_int_equal(content.size, length);
	assert_int_equal(r.rest.size, size - 1 - octets - length);
}

/* All inputs of up to four bytes that differ in what matters: every first byte of a length, and every second one. */
static void every_short_input(void **state)
{
	(void)state;
	static const uint8_t last[] = { 0, 1, 0x7f, 0x80, 0xff };
	check(last, 0);
	for (unsigned first = 0; first < 256; first++) {
		uint8_t raw[160] = { DER_SEQUENCE, (uint8_t)first };
		for (size_t size = 1; size < 3; size++)
			check(raw, size);
		for (unsigned second = 0; second < 256; second++) {
			raw[2] = (uint8_t)second;
			check(raw, 3);
			for (size_t i = 0; i < sizeof last; i++) {
				raw[3] = last[i];
				check(raw, 4);
				check(raw, 5);
				check(raw, sizeof raw);
			}
		}
	}
}

static void another_tag_fails(void **state)
{
	(void)state;
	for (unsigned tag = 0; tag < 256; tag++) {
		const uint8_t raw[] = { (uint8_t)tag, 1, 0 };
		struct reader r = reader_of(BYTES_OF_ARRAY(raw));
		der_expect(&r, DER_INTEGER);
		assert_int_equal(r.failed, tag != DER_INTEGER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_read),
		cmocka_unit_test(every_short_input),
		cmocka_unit_test(another_tag_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
