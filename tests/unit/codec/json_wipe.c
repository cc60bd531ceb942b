/* Programs that handle secrets get no memory of documents back that is not wiped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <malloc.h>

#include "codec/json.h"

void __real_free(void *memory);
void __wrap_free(void *memory);

static const void *watched;
static bool seen, wiped;

void __wrap_free(void *memory)
{
	if (memory && memory == watched) {
		const uint8_t *data = memory;
		size_t size = malloc_usable_size(memory);
		seen = wiped = true;
		for (size_t i = 0; i < size; i++)
			wiped = wiped && !data[i];
		watched = NULL;
	}
	__real_free(memory);
}

static void test_what_is_freed_is_wiped(void **state)
{
	(void)state;
	json_t *upload = NULL;
	assert_null(json_parse(bytes_of_string("{\"Key\": \"c2VjcmV0IG9mIHNvbWVib2R5\"}"), "upload", &upload));
	watched = json_string_value(json_member(upload, "Key"));
	assert_non_null(watched);
	json_decref(upload);
	assert_true(seen);
	assert_true(wiped);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_freed_is_wiped) };
	json_wipe_what_is_freed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
