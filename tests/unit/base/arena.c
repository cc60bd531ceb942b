#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"

/* What the next allocations get has been used before. */
static void make_memory_dirty(void)
{
	volatile uint8_t *memory = malloc(100000);
	assert_non_null(memory);
	for (size_t i = 0; i < 100000; i++)
		memory[i] = 0xff;
	free((void *)(uintptr_t)memory);
}

/* Zeroed, aligned, and none overlaps another. */
static void test_blocks(void **state)
{
	(void)state;
	make_memory_dirty();
	CLEANUP(arena_free) struct arena a = { 0 };
	uint8_t *blocks[300];
	for (size_t i = 0; i < 300; i++) {
		size_t size = i * i % 5000 + 1;
		blocks[i] = arena_alloc(&a, size, 1);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (size_t n = 0; n < size; n++)
			assert_int_equal(blocks[i][n], 0);
		memset(blocks[i], (int)(i % 255 + 1), size);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t n = 0; n < i * i % 5000 + 1; n++)
			assert_int_equal(blocks[i][n], i % 255 + 1);
}

static void test_limit(void **state)
{
	(void)state;
	CLEANUP(arena_free) struct arena a = { .limit = 64 };
	assert_non_null(arena_alloc(&a, 1, 32));
	assert_null(arena_alloc(&a, 1, 33));
	assert_null(arena_alloc(&a, 33, 1));
	assert_non_null(arena_alloc(&a, 4, 8));
	assert_null(arena_alloc(&a, 1, 1));
	assert_int_equal(a.used, 64);
}

static void test_overflow(void **state)
{
	(void)state;
	CLEANUP(arena_free) struct arena a = { 0 };
	assert_null(arena_alloc(&a, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&a, SIZE_MAX, 1));
	assert_null(arena_alloc(&a, SIZE_MAX - 40, 1));
	assert_null(arena_string(&a, bytes_of("", SIZE_MAX)));
	assert_int_equal(a.used, 0);
}

static void test_text(void **state)
{
	(void)state;
	CLEANUP(arena_free) struct arena a = { .limit = 4096 };
	const char *text = arena_string(&a, bytes_of("abcdef", 3));
	assert_string_equal(text, "abc");
	assert_string_equal(arena_string(&a, BYTES_EMPTY), "");
	assert_string_equal(arena_format(&a, "%s-%d", "x", 5), "x-5");
	assert_null(arena_format(&a, "%5000d", 1));
}

static void test_use_again(void **state)
{
	(void)state;
	CLEANUP(arena_free) struct arena a = { .limit = 100 };
	for (int i = 0; i < 10; i++) {
		assert_non_null(arena_alloc(&a, 1, 90));
		arena_free(&a);
		assert_int_equal(a.used, 0);
		assert_null(a.newest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_text),
		cmocka_unit_test(test_use_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
