#include "testing.h"

#include "marble/uuid_file.h"

static const char uuid[] = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";

static void made_when_absent(void **state)
{
	(void)state;
	char first[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE];
	must(uuid_file_load("uuid", first));
	assert_int_equal(mode_of("uuid"), 0600);
	assert_content("uuid", first);
	assert_int_equal(first[14], '4');
	assert_non_null(strchr("89ab", first[19]));
	must(uuid_file_load("uuid", second));
	assert_string_equal(first, second);
	must(uuid_file_load("other", second));
	assert_string_not_equal(first, second);
}

static void nothing_else_is_left(void **state)
{
	(void)state;
	char text[UUID_TEXT_SIZE];
	must(uuid_file_load("uuid", text));
	assert_int_equal(unlink("uuid"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(*state), 0);
	assert_int_equal(mkdir(*state, 0700), 0);
}

static void as_others_write_it(void **state)
{
	(void)state;
	char text[UUID_TEXT_SIZE];
	put("uuid", "F81D4FAE-7dec-41d0-A765-00a0c91e6bf6\n", 0644);
	must(uuid_file_load("uuid", text));
	assert_string_equal(text, uuid);
}

static void what_is_no_uuid(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "\n", "no uuid", "f81d4fae-7dec-41d0-a765-00a0c91e6bf",
		"f81d4fae-7dec-41d0-a765-00a0c91e6bf6\n\n",
		"f81d4fae-7dec-41d0-a765-00a0c91e6bf6 ", "f81d4fae07dec041d00a765000a0c91e6bf6",
		"g81d4fae-7dec-41d0-a765-00a0c91e6bf6", "{f81d4fae-7dec-41d0-a765-00a0c91e6b}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[UUID_TEXT_SIZE] = "untouched";
		put("uuid", bad[i], 0600);
		assert_refused(uuid_file_load("uuid", text), ERROR_INVALID, "uuid holds no UUID",
			       "36 characters");
		assert_string_equal(text, "untouched");
		assert_content("uuid", bad[i]);
	}
}

static void links_are_refused(void **state)
{
	(void)state;
	char text[UUID_TEXT_SIZE];
	put("target", uuid, 0600);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_refused(uuid_file_load("link", text), ERROR_INVALID, "link is a symbolic link");
	assert_refused(uuid_file_load("dangling", text), ERROR_INVALID, "dangling is a symbolic link");
	assert_int_equal(access("nowhere", F_OK), -1);
}

static void what_is_no_regular_file(void **state)
{
	(void)state;
	char text[UUID_TEXT_SIZE];
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_refused(uuid_file_load("folder", text), ERROR_INVALID, "folder is no regular file");
	assert_refused(uuid_file_load("fifo", text), ERROR_INVALID, "fifo is no regular file");
	assert_refused(uuid_file_load("nowhere/uuid", text), ERROR_INVALID, "nowhere/uuid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(made_when_absent), in_folder(nothing_else_is_left), in_folder(as_others_write_it),
		in_folder(what_is_no_uuid), in_folder(links_are_refused),
		in_folder(what_is_no_regular_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
