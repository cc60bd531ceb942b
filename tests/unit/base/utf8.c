#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/utf8.h"

/* Every character there is comes back, in the shortest form; every surrogate is replaced. */
static void test_all_characters(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	for (uint32_t c = 0; c <= UTF8_MAX; c++) {
		size_t size;
		bool surrogate = c >= 0xd800 && c <= 0xdfff;
		writer_reset(&w);
		write_utf8(&w, c);
		assert_true(w.size == (c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4));
		uint32_t back = utf8_decode(writer_view(&w), &size);
		assert_true(back == (surrogate ? UTF8_REPLACEMENT : c) && size == w.size);
		assert_true(utf8_can_hold(c) != surrogate);
	}
	assert_false(utf8_can_hold(UTF8_MAX + 1));
	assert_false(utf8_can_hold(UINT32_MAX));
	writer_reset(&w);
	write_utf8(&w, UINT32_MAX);
	assert_true(bytes_equal_string(writer_view(&w), "\xef\xbf\xbd"));
}

static void test_bad(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\x80",		    /* a continuation alone */
		"\xbf",
		"\xc0\x80",	    /* overlong NUL */
		"\xc1\xbf",
		"\xe0\x9f\xbf",	    /* overlong */
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",	    /* a surrogate */
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80", /* over U+10FFFF */
		"\xf5\x80\x80\x80",
		"\xff",
		"\xc3",		    /* cut off */
		"\xe2\x82",
		"\xf0\x9f\x98",
		"\xc3(",	    /* no continuation */
		"\xe2\x82(",
		"\xf0\x9f\x98(",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		size_t size;
		assert_int_equal(utf8_decode(bytes_of_string(bad[i]), &size), UTF8_REPLACEMENT);
		assert_int_equal(size, 1);
	}
}

/* What lies behind the end is not looked at. */
static void test_cut(void **state)
{
	(void)state;
	static const char *const whole[] = { "\xc3\xa4", "\xe2\x86\x92", "\xf0\x9f\x98\x80" };
	for (size_t i = 0; i < 3; i++)
		for (size_t length = 1; length < strlen(whole[i]); length++) {
			size_t size;
			uint32_t c = utf8_decode(bytes_of(whole[i], length), &size);
			assert_true(c == UTF8_REPLACEMENT && size == 1);
		}
}

static void test_empty(void **state)
{
	(void)state;
	size_t size = 9;
	utf8_decode(BYTES_EMPTY, &size);
	assert_int_equal(size, 0);
	assert_int_equal(utf8_count(BYTES_EMPTY), 0);
}

static void test_count(void **state)
{
	(void)state;
	assert_int_equal(utf8_count(bytes_of_string("a\xc3\xa4\xe2\x86\x92\xf0\x9f\x98\x80")), 4);
	assert_int_equal(utf8_count(bytes_of_string("a\xff\xf0\x9f\x98z")), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_characters),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
