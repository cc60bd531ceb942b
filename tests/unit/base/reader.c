#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/reader.h"

static const uint8_t raw[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
			       0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
			       0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21 };

struct fields {
	uint64_t numbers[7];
	bytes view;
	uint8_t copy[3];
};
enum { FIELDS_SIZE = 1 + 2 + 4 + 8 + 2 + 4 + 8 + 1 + 3 };

static struct fields read_fields(struct reader *r)
{
	struct fields f = { 0 };
	f.numbers[0] = read_u8(r);
	f.numbers[1] = read_le16(r);
	f.numbers[2] = read_le32(r);
	f.numbers[3] = read_le64(r);
	f.numbers[4] = read_be16(r);
	f.numbers[5] = read_be32(r);
	f.numbers[6] = read_be64(r);
	f.view = read_view(r, 1);
	read_into(r, f.copy, sizeof f.copy);
	return f;
}

static void test_values(void **state)
{
	(void)state;
	static const uint64_t expected[] = { 0x01,   0x0302,     0x07060504, 0x0f0e0d0c0b0a0908,
					     0x1011, 0x12131415, 0x161718191a1b1c1d };
	struct reader r = reader_of(BYTES_OF_ARRAY(raw));
	assert_int_equal(sizeof raw, FIELDS_SIZE);
	struct fields f = read_fields(&r);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_true(f.numbers[i] == expected[i]);
	assert_true(f.view.size == 1 && f.view.data == raw + 29);
	assert_memory_equal(f.copy, raw + 30, 3);
	assert_int_equal(r.offset, FIELDS_SIZE);
	assert_null(reader_finish(&r, "it"));
}

/* Every shorter input fails at the field that is cut; what lies behind it reads as zeros. */
static void test_every_length(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 2, 4, 8, 2, 4, 8, 1, 3 };
	for (size_t length = 0; length < FIELDS_SIZE; length++) {
		/* exactly sized memory, so that reading past it shows under a sanitizer */
		CLEANUP_FREE uint8_t *copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, raw, length);
		struct reader r = reader_of(bytes_of(copy, length));
		struct fields f = read_fields(&r);
		size_t field = 0, at = 0;
		for (; at + sizes[field] <= length; field++)
			at += sizes[field];
		assert_true(r.failed);
		assert_int_equal(r.failed_at, at);
		assert_int_equal(r.missing, sizes[field]);
		for (size_t i = field; i < 7; i++)
			assert_true(f.numbers[i] == 0);
		assert_memory_equal(f.copy, "\0\0\0", 3);
		CLEANUP(error_free) error *e = reader_finish(&r, "it");
		assert_int_equal(error_code(e), ERROR_INVALID);
		assert_non_null(strstr(error_message(e), "it is truncated"));
	}
}

static void test_messages(void **state)
{
	(void)state;
	struct reader r = reader_of(bytes_of(raw, 5));
	read_le32(&r);
	CLEANUP(error_free) error *over = reader_finish(&r, "a thing");
	assert_string_equal(error_message(over), "a thing has 1 bytes left over at offset 4");
	assert_null(reader_check(&r, "a thing"));
	read_le32(&r);
	CLEANUP(error_free) error *cut = reader_check(&r, "a thing");
	assert_string_equal(error_message(cut),
			    "a thing is truncated: 4 bytes expected at offset 4, 1 there");
}

/* After a failure nothing more is read, even if it would fit. */
static void test_failure_stays(void **state)
{
	(void)state;
	struct reader r = reader_of(bytes_of(raw, 2));
	assert_int_equal(read_le32(&r), 0);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_rest(&r).size, 0);
	assert_int_equal(r.failed_at, 0);
	assert_int_equal(r.missing, 4);
}

static void test_huge_size(void **state)
{
	(void)state;
	struct reader r = reader_of(bytes_of(raw, 2));
	assert_int_equal(read_view(&r, SIZE_MAX).size, 0);
	assert_true(r.failed);
}

static void test_rest(void **state)
{
	(void)state;
	struct reader r = reader_of(bytes_of(raw, 4));
	read_u8(&r);
	bytes rest = read_rest(&r);
	assert_true(rest.size == 3 && rest.data == raw + 1);
	assert_int_equal(read_rest(&r).size, 0);
	assert_null(reader_finish(&r, "it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	  cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_messages),  cmocka_unit_test(test_failure_stays),
		cmocka_unit_test(test_huge_size), cmocka_unit_test(test_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
