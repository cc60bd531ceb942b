#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/random.h"
#include "base/secret.h"

static void test_new(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret s = { 0 };
	CLEANUP(secret_free) struct secret empty = { 0 };
	assert_null(secret_new(40, &s));
	assert_int_equal(s.size, 40);
	for (size_t i = 0; i < 40; i++)
		assert_int_equal(s.data[i], 0);
	assert_null(secret_new(0, &empty));
	assert_int_equal(empty.size, 0);
}

static void test_random(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret a = { 0 };
	CLEANUP(secret_free) struct secret b = { 0 };
	assert_null(secret_random(32, &a));
	assert_null(secret_random(32, &b));
	assert_false(bytes_equal(secret_view(&a), secret_view(&b)));
	assert_null(random_fill(a.data, 0));
	CLEANUP(error_free) error *e = random_fill(NULL, SIZE_MAX);
	assert_int_equal(error_code(e), ERROR_INTERNAL);
}

static void test_copy_and_take(void **state)
{
	(void)state;
	char source[] = "abc";
	CLEANUP(secret_free) struct secret copy = { 0 };
	CLEANUP(secret_free) struct secret empty = { 0 };
	assert_null(secret_copy(bytes_of(source, 3), &copy));
	source[0] = 'x';
	assert_true(bytes_equal_string(secret_view(&copy), "abc"));
	CLEANUP(secret_free) struct secret taken = secret_take(&copy);
	assert_true(bytes_equal_string(secret_view(&taken), "abc"));
	assert_null(copy.data);
	assert_int_equal(copy.size, 0);
	assert_null(secret_copy(BYTES_EMPTY, &empty));
	assert_int_equal(empty.size, 0);
}

static void test_of_writer(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { .secret = true, .limit = 3 };
	CLEANUP(secret_free) struct secret s = { 0 };
	write_string(&w, "abc");
	assert_null(secret_of_writer(&w, "it", &s));
	assert_true(bytes_equal_string(secret_view(&s), "abc"));
	assert_true(w.secret && w.limit == 3 && !w.data);
	CLEANUP(secret_free) struct secret none = { 0 };
	write_string(&w, "abcd");
	CLEANUP(error_free) error *e = secret_of_writer(&w, "it", &none);
	assert_int_equal(error_code(e), ERROR_TOO_LARGE);
	assert_null(none.data);
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(secret_equal(bytes_of("abc", 3), bytes_of("abc", 3)));
	assert_true(secret_equal(BYTES_EMPTY, BYTES_EMPTY));
	assert_false(secret_equal(bytes_of("abc", 3), bytes_of("abd", 3)));
	assert_false(secret_equal(bytes_of("abc", 3), bytes_of("abcd", 4)));
	assert_false(secret_equal(bytes_of("abc", 3), BYTES_EMPTY));
}

/* What is freed was wiped before: seen by what free() is given. */
static uint8_t at_free[64];
static const uint8_t *watched;
void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
	if (memory && memory == watched) {
		memcpy(at_free, memory, sizeof at_free);
		watched = NULL;
	}
	__real_free(memory);
}

static void assert_wiped(void)
{
	assert_null(watched); /* it was freed */
	for (size_t i = 0; i < sizeof at_free; i++)
		assert_int_equal(at_free[i], 0);
}

static void test_wiped_on_free(void **state)
{
	(void)state;
	struct secret s = { 0 };
	assert_null(secret_new(sizeof at_free, &s));
	memset(s.data, 0x55, s.size);
	memset(at_free, 0x55, sizeof at_free);
	watched = s.data;
	secret_free(&s);
	assert_wiped();
}

/* Also the memory that a secret writer leaves when it grows, and when it is released. */
static void test_wiped_by_writer(void **state)
{
	(void)state;
	struct writer w = { .secret = true };
	for (size_t i = 0; i < sizeof at_free; i++)
		write_u8(&w, 0x55);
	memset(at_free, 0x55, sizeof at_free);
	watched = w.data;
	write_u8(&w, 0x55);
	assert_wiped();
	memset(at_free, 0x55, sizeof at_free);
	watched = w.data;
	writer_free(&w);
	assert_wiped();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),	      cmocka_unit_test(test_random),
		cmocka_unit_test(test_copy_and_take), cmocka_unit_test(test_of_writer),
		cmocka_unit_test(test_equal),	      cmocka_unit_test(test_wiped_on_free),
		cmocka_unit_test(test_wiped_by_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
