/* A document that was read or printed without memory for all of it is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "codec/json.h"

static const char document[] = "{\"a name that is longer than any first buffer\":"
			       "[\"a text that is longer than any first buffer\",1234567890123456789,1.5,null]}";

/* Jansson's allocation number `lost` (from 1) fails, and only that. */
static size_t lost, counted;

static void *count_malloc(size_t size)
{
	return ++counted == lost ? NULL : malloc(size);
}

/* Before the codec looks at what jansson allocates with. */
__attribute__((constructor(200))) static void count_allocations(void)
{
	json_set_alloc_funcs(count_malloc, free);
}

static void lose(size_t n)
{
	lost = n;
	counted = 0;
}

static void test_parsing(void **state)
{
	json_t *value = NULL;
	(void)state;
	lose(0);
	assert_null(json_parse(bytes_of_string(document), "it", &value));
	json_decref(value);
	for (size_t all = counted, n = 1; n <= all; n++) {
		json_t *untouched = NULL;
		lose(n);
		CLEANUP(error_free) error *e = json_parse(bytes_of_string(document), "it", &untouched);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_NO_MEMORY);
		assert_null(untouched);
	}
	lose(0);
}

static void test_printing(void **state)
{
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP(blob_free) struct blob whole = { 0 };
	(void)state;
	assert_null(json_parse(bytes_of_string(document), "it", &value));
	lose(0);
	assert_null(json_print(value, JSON_COMPACT, &whole));
	assert_true(bytes_equal_string(blob_view(&whole), document));
	for (size_t all = counted, n = 1; n <= all; n++) {
		struct blob untouched = { 0 };
		lose(n);
		CLEANUP(error_free) error *e = json_print(value, JSON_COMPACT, &untouched);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_NO_MEMORY);
		assert_null(untouched.data);
	}
	lose(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parsing),
		cmocka_unit_test(test_printing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
