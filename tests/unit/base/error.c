#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

static void test_new(void **state)
{
	(void)state;
	CLEANUP(error_free) error *e = error_new(ERROR_DENIED, "%s of %d", "part", 3);
	assert_int_equal(error_code(e), ERROR_DENIED);
	assert_string_equal(error_message(e), "part of 3");
}

static void test_errno(void **state)
{
	(void)state;
	CLEANUP(error_free) error *e = error_errno(ERROR_UNAVAILABLE, ENOENT, "opening %s", "f");
	assert_string_equal(error_message(e), "opening f: No such file or directory");
}

static void test_wrap(void **state)
{
	(void)state;
	CLEANUP(error_free) error *e = error_new(ERROR_INVALID, "inner 100%%");
	e = error_wrap(error_wrap(e, "middle"), "outer %d", 1);
	assert_string_equal(error_message(e), "outer 1: middle: inner 100%");
	assert_int_equal(error_code(e), ERROR_INVALID);
	assert_null(error_wrap(NULL, "nothing"));
}

static void test_recode(void **state)
{
	(void)state;
	CLEANUP(error_free) error *e = error_new(ERROR_INVALID, "text");
	e = error_recode(e, ERROR_INTERNAL);
	assert_int_equal(error_code(e), ERROR_INTERNAL);
	assert_string_equal(error_message(e), "text");
	assert_null(error_recode(NULL, ERROR_INTERNAL));
}

/* It is shared: nothing may change it, and freeing it does nothing. */
static void test_no_memory(void **state)
{
	(void)state;
	error *e = error_wrap(error_recode(error_no_memory(), ERROR_INVALID), "context");
	assert_ptr_equal(e, error_no_memory());
	assert_int_equal(error_code(e), ERROR_NO_MEMORY);
	assert_string_equal(error_message(e), "out of memory");
	error_free(e);
	error_free(e);
	error_free(NULL);
}

static void test_names(void **state)
{
	(void)state;
	for (int code = ERROR_INVALID; code <= ERROR_INTERNAL; code++) {
		assert_string_not_equal(error_code_name((enum error_code)code), "unknown");
		for (int other = ERROR_INVALID; other < code; other++)
			assert_string_not_equal(error_code_name((enum error_code)code),
						error_code_name((enum error_code)other));
	}
	assert_string_equal(error_code_name((enum error_code)0), "unknown");
	assert_string_equal(error_code_name((enum error_code)(ERROR_INTERNAL + 1)), "unknown");
	assert_string_equal(error_code_name((enum error_code)-1), "unknown");
}

static error *fails(void)
{
	return error_new(ERROR_CONFLICT, "cause");
}

static error *tries(void)
{
	TRY(fails());
	return NULL;
}

static error *tries_with_context(void)
{
	TRY_CTX(fails(), "doing %s", "it");
	return NULL;
}

static error *tries_to_allocate(const void *memory)
{
	TRY_ALLOC(memory);
	return NULL;
}

static void test_try(void **state)
{
	(void)state;
	CLEANUP(error_free) error *plain = tries();
	CLEANUP(error_free) error *wrapped = tries_with_context();
	assert_string_equal(error_message(plain), "cause");
	assert_string_equal(error_message(wrapped), "doing it: cause");
	assert_int_equal(error_code(wrapped), ERROR_CONFLICT);
	assert_ptr_equal(tries_to_allocate(NULL), error_no_memory());
	assert_null(tries_to_allocate(""));
}

static void test_take(void **state)
{
	(void)state;
	error *e = error_new(ERROR_INVALID, "text");
	error *taken = TAKE(e);
	assert_null(e);
	assert_string_equal(error_message(taken), "text");
	error_free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),	  cmocka_unit_test(test_errno),
		cmocka_unit_test(test_wrap),	  cmocka_unit_test(test_recode),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_names),
		cmocka_unit_test(test_try),	  cmocka_unit_test(test_take),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
