#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/bytes.h"

static void test_equal(void **state)
{
	(void)state;
	assert_true(bytes_equal(BYTES_EMPTY, bytes_of("", 0)));
	assert_true(bytes_equal(bytes_of("ab", 2), bytes_of("abc", 2)));
	assert_false(bytes_equal(bytes_of("ab", 2), bytes_of("abc", 3)));
	assert_false(bytes_equal(bytes_of("ab", 2), bytes_of("ac", 2)));
	assert_false(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0c", 3)));
	assert_true(bytes_equal_string(bytes_of("ab", 2), "ab"));
	assert_false(bytes_equal_string(bytes_of("ab\0", 3), "ab"));
	assert_true(bytes_equal_string(BYTES_EMPTY, ""));
	assert_int_equal(bytes_of_string(NULL).size, 0);
}

static void test_compare(void **state)
{
	(void)state;
	static const char *const ordered[] = { "", "A", "a", "aa", "ab", "b", "\xff" };
	for (size_t i = 0; i < sizeof ordered / sizeof ordered[0]; i++)
		for (size_t j = 0; j < sizeof ordered / sizeof ordered[0]; j++) {
			int order = bytes_compare(bytes_of_string(ordered[i]),
						  bytes_of_string(ordered[j]));
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	assert_true(bytes_compare(BYTES_EMPTY, bytes_of("a", 1)) < 0);
}

static void test_slice(void **state)
{
	(void)state;
	bytes whole = bytes_of("abcdef", 6);
	assert_true(bytes_equal_string(bytes_slice(whole, 0, 6), "abcdef"));
	assert_true(bytes_equal_string(bytes_slice(whole, 2, 3), "cde"));
	assert_true(bytes_equal_string(bytes_slice(whole, 4, 100), "ef"));
	assert_true(bytes_equal_string(bytes_slice(whole, 4, SIZE_MAX), "ef"));
	assert_int_equal(bytes_slice(whole, 6, 1).size, 0);
	assert_int_equal(bytes_slice(whole, SIZE_MAX, SIZE_MAX).size, 0);
	assert_null(bytes_slice(BYTES_EMPTY, 3, 4).data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_slice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
