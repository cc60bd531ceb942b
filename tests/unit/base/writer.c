#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/blob.h"
#include "base/reader.h"
#include "base/writer.h"
#include "failing_malloc.h"

static void test_values(void **state)
{
	(void)state;
	static const uint8_t expected[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
					    0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x10, 0x11, 0x12,
					    0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b,
					    0x1c, 0x1d, 0x00, 0x00, 'a',  'b',  '7',  0x00, 'c' };
	CLEANUP(writer_free) struct writer w = { 0 };
	write_u8(&w, 0x01);
	write_le16(&w, 0x0203);
	write_le32(&w, 0x04050607);
	write_le64(&w, 0x08090a0b0c0d0e0f);
	write_be16(&w, 0x1011);
	write_be32(&w, 0x12131415);
	write_be64(&w, 0x161718191a1b1c1d);
	write_zeros(&w, 2);
	write_zeros(&w, 0);
	write_string(&w, "ab");
	write_string(&w, "");
	write_bytes(&w, BYTES_EMPTY);
	write_format(&w, "%d", 7);
	write_bytes(&w, bytes_of("\0c", 2));
	assert_null(writer_check(&w, "it"));
	assert_true(bytes_equal(writer_view(&w), BYTES_OF_ARRAY(expected)));
}

static void test_growth(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { .secret = true };
	for (uint32_t i = 0; i < 5000; i++)
		write_be32(&w, i);
	assert_int_equal(w.size, 20000);
	struct reader r = reader_of(writer_view(&w));
	for (uint32_t i = 0; i < 5000; i++)
		assert_true(read_be32(&r) == i);
}

/* The limit is reached exactly; one byte more fails, changes nothing, and stays a failure. */
static void test_limit(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { .limit = 8 };
	write_string(&w, "12345678");
	assert_null(writer_check(&w, "it"));
	write_u8(&w, '9');
	assert_int_equal(w.size, 8);
	CLEANUP(error_free) error *e = writer_check(&w, "it");
	assert_int_equal(error_code(e), ERROR_TOO_LARGE);
	assert_string_equal(error_message(e), "it is larger than 8 bytes");
	writer_reset(&w);
	assert_null(writer_check(&w, "it"));
	assert_int_equal(w.size, 0);
	write_string(&w, "abc");
	assert_true(bytes_equal_string(writer_view(&w), "abc"));
}

static void test_limit_then_smaller(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { .limit = 4 };
	write_string(&w, "12345");
	write_string(&w, "1");
	assert_int_equal(w.size, 0);
	assert_true(w.too_large);
}

static void test_overflow(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	write_u8(&w, 1);
	write_zeros(&w, SIZE_MAX);
	assert_true(w.too_large);
	assert_int_equal(w.size, 1);
}

static void test_no_memory(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	write_string(&w, "abc");
	fail_allocation(1);
	write_zeros(&w, 1000);
	fail_allocation(0);
	write_string(&w, "d");
	assert_true(bytes_equal_string(writer_view(&w), "abc"));
	CLEANUP(error_free) error *e = writer_check(&w, "it");
	assert_int_equal(error_code(e), ERROR_NO_MEMORY);
	assert_null(writer_take_string(&w));
}

static void test_take_string(void **state)
{
	(void)state;
	struct writer w = { .limit = 3 };
	write_string(&w, "abc");
	CLEANUP_FREE char *text = writer_take_string(&w);
	assert_string_equal(text, "abc");
	assert_null(w.data);
	assert_int_equal(w.size, 0);
	struct writer empty = { 0 };
	CLEANUP_FREE char *nothing = writer_take_string(&empty);
	assert_string_equal(nothing, "");
	struct writer failed = { .limit = 1 };
	write_string(&failed, "abc");
	assert_null(writer_take_string(&failed));
	assert_null(failed.data);
}

static void test_blob(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { .limit = 4 };
	CLEANUP(blob_free) struct blob b = { 0 };
	write_string(&w, "abcd");
	assert_null(blob_of_writer(&w, "it", &b));
	assert_true(bytes_equal_string(blob_view(&b), "abcd"));
	assert_true(w.size == 0 && w.limit == 4);
	struct blob taken = blob_take(&b);
	assert_null(b.data);
	assert_int_equal(b.size, 0);
	blob_free(&taken);
	write_string(&w, "abcde");
	CLEANUP(error_free) error *e = blob_of_writer(&w, "it", &b);
	assert_int_equal(error_code(e), ERROR_TOO_LARGE);
	assert_null(b.data);
}

static void test_blob_copy(void **state)
{
	(void)state;
	char source[] = "abc";
	CLEANUP(blob_free) struct blob b = { 0 };
	CLEANUP(blob_free) struct blob empty = { 0 };
	assert_null(blob_copy(bytes_of(source, 3), &b));
	source[0] = 'x';
	assert_true(bytes_equal_string(blob_view(&b), "abc"));
	assert_null(blob_copy(BYTES_EMPTY, &empty));
	assert_int_equal(empty.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_growth),
		cmocka_unit_test(test_limit),	 cmocka_unit_test(test_limit_then_smaller),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_take_string),
		cmocka_unit_test(test_blob),	 cmocka_unit_test(test_blob_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
