#include "testing.h"

#include "cli/command.h"

static const struct command status = { .name = "status" }, set = { .name = "manifest set" },
			    apply = { .name = "manifest update apply" }, recover = { .name = "recover" },
			    sign = { .name = "recover sign" };
const struct command *const commands[] = { &status, &set, &apply, &recover, &sign };
const size_t command_count = ARRAY_SIZE(commands);

#define FIND(...) find((const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static size_t used;
static const struct command *find(const char **words, size_t count)
{
	return command_find((char *const *)(uintptr_t)words, count, &used);
}

static void by_all_of_its_words(void **state)
{
	(void)state;
	assert_ptr_equal(FIND("status", "manifest"), &status);
	assert_int_equal(used, 1);
	assert_ptr_equal(FIND("manifest", "set", "file"), &set);
	assert_int_equal(used, 2);
	assert_ptr_equal(FIND("manifest", "update", "apply"), &apply);
	assert_int_equal(used, 3);
	assert_null(FIND("manifest"));
	assert_null(FIND("manifest", "update"));
	assert_null(FIND("manifest", "se"));
	assert_null(FIND("manifest", ""));
	assert_null(FIND("stat"));
	assert_null(FIND("status "));
	assert_null(FIND("manifest set"));
	assert_null(FIND(""));
}

/* A command may have others below it: the longest name counts. */
static void the_longest_name(void **state)
{
	(void)state;
	assert_ptr_equal(FIND("recover", "file"), &recover);
	assert_ptr_equal(FIND("recover", "sign"), &sign);
	assert_int_equal(used, 2);
}

#define GROUP(...) group((const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))
static size_t group(const char **words, size_t count)
{
	return command_group((char *const *)(uintptr_t)words, count);
}

static void groups(void **state)
{
	(void)state;
	assert_int_equal(GROUP("manifest"), 1);
	assert_int_equal(GROUP("manifest", "nonsense"), 1);
	assert_int_equal(GROUP("manifest", "update"), 2);
	assert_int_equal(GROUP("manifest", "update", "nonsense"), 2);
	assert_int_equal(GROUP("recover", "--help"), 1);
	assert_int_equal(GROUP("status"), 0);
	assert_int_equal(GROUP("mani"), 0);
	assert_int_equal(GROUP(""), 0);
	assert_true(command_is_in(&apply, "manifest", 8));
	assert_true(command_is_in(&apply, "manifest update", 15));
	assert_false(command_is_in(&apply, "manifest up", 11));
	assert_false(command_is_in(&set, "manifest set", 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_all_of_its_words),
		cmocka_unit_test(the_longest_name), cmocka_unit_test(groups) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
