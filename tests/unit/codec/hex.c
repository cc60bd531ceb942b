#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "codec/hex.h"

static void test_every_byte(void **state)
{
	(void)state;
	uint8_t raw[256];
	for (size_t i = 0; i < 256; i++)
		raw[i] = (uint8_t)i;
	CLEANUP(writer_free) struct writer w = { 0 };
	CLEANUP(blob_free) struct blob back = { 0 };
	write_hex(&w, BYTES_OF_ARRAY(raw));
	assert_int_equal(w.size, 512);
	assert_memory_equal(w.data, "000102030405060708090a0b0c0d0e0f10", 34);
	assert_memory_equal(w.data + 506, "fdfeff", 6);
	assert_null(hex_decode(writer_view(&w), "it", &back));
	assert_true(bytes_equal(blob_view(&back), BYTES_OF_ARRAY(raw)));
}

static void test_upper_case(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob back = { 0 };
	assert_null(hex_decode(bytes_of_string("0aBcDEf9"), "it", &back));
	assert_true(bytes_equal(blob_view(&back), bytes_of("\x0a\xbc\xde\xf9", 4)));
}

static void test_empty(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob back = { 0 };
	assert_null(hex_decode(BYTES_EMPTY, "it", &back));
	assert_int_equal(back.size, 0);
}

/* Of all characters, the 22 digits are let through, at either place. */
static void test_every_character(void **state)
{
	(void)state;
	size_t accepted = 0;
	for (int c = 0; c < 256; c++)
		for (size_t place = 0; place < 2; place++) {
			char text[] = "00";
			CLEANUP(blob_free) struct blob back = { 0 };
			text[place] = (char)c;
			CLEANUP(error_free) error *e = hex_decode(bytes_of(text, 2), "it", &back);
			accepted += !e;
			if (e)
				assert_int_equal(error_code(e), ERROR_INVALID);
		}
	assert_int_equal(accepted, 2 * 22);
}

static void assert_message(error *given, const char *expected)
{
	CLEANUP(error_free) error *e = given;
	assert_non_null(e);
	assert_string_equal(error_message(e), expected);
}

static void test_messages(void **state)
{
	(void)state;
	struct blob untouched = { 0 };
	uint8_t fixed[2] = { 7, 7 };
	assert_message(hex_decode(bytes_of_string("abc"), "it", &untouched),
		       "it: 3 hexadecimal digits, an even number expected");
	assert_message(hex_decode(bytes_of_string("00x0"), "it", &untouched),
		       "it: no hexadecimal digit at position 2");
	assert_message(hex_decode(bytes_of_string("000x"), "it", &untouched),
		       "it: no hexadecimal digit at position 3");
	assert_null(untouched.data);
	assert_message(hex_decode_into(bytes_of_string("000000"), "it", fixed, 2),
		       "it: 6 hexadecimal digits, 4 expected");
	assert_message(hex_decode_into(bytes_of_string("01zz"), "it", fixed, 2),
		       "it: no hexadecimal digit at position 2");
	assert_int_equal(fixed[0], 7);
	assert_null(hex_decode_into(bytes_of_string("0102"), "it", fixed, 2));
	assert_int_equal(fixed[1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),	cmocka_unit_test(test_upper_case),
		cmocka_unit_test(test_empty),		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
