#include "testing.h"

#include "cli/command.h"

static const struct command status = { .name = "status" }, set = { .name = "manifest set" },
			    apply = { .name = "manifest update apply" };
const struct command *const commands[] = { &status, &set, &apply };
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

static void groups(void **state)
{
	(void)state;
	assert_true(command_is_group("manifest"));
	assert_false(command_is_group("status"));
	assert_false(command_is_group("mani"));
	assert_false(command_is_group(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_all_of_its_words), cmocka_unit_test(groups) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
