#include "../marble/testing.h"

#include "premain/files.h"

static struct marblerun_named_value value(const char *path, const char *content)
{
	return (struct marblerun_named_value){ strdup(path), (uint8_t *)strdup(content), strlen(content) };
}

static error *write_in(enum libos libos, const char *path, const char *content)
{
	struct marblerun_named_value one = value(path, content);
	error *e = files_write(&(struct marblerun_parameters){ .files = &one, .file_count = 1 }, libos);
	free(one.name);
	free(one.data);
	return e;
}

static error *write_one(const char *path, const char *content)
{
	return write_in(LIBOS_NONE, path, content);
}

static size_t entries_of(const char *folder)
{
	char command[64], line[256];
	size_t count = 0;
	snprintf(command, sizeof command, "ls -A %s", folder);
	FILE *list = popen(command, "r");
	while (fgets(line, sizeof line, list))
		count++;
	pclose(list);
	return count;
}

static void folders_are_made(void **state)
{
	char path[128];
	mode_t before = umask(022);
	snprintf(path, sizeof path, "%s/a/b//./c", (const char *)*state);
	must(write_one(path, "content"));
	umask(before);
	assert_content("a/b/c", "content");
	assert_int_equal(mode_of("a/b/c"), 0600);
	assert_int_equal(mode_of("a"), 0700);
	assert_int_equal(mode_of("a/b"), 0700);
	assert_int_equal(entries_of("a/b"), 1);
	must(write_one("a/../relative", ""));
	assert_content("relative", "");
}

static void older_files_are_replaced(void **state)
{
	(void)state;
	put("file", "an older and longer content", 0644);
	assert_int_equal(link("file", "other name"), 0);
	must(write_one("file", "new"));
	assert_content("file", "new");
	assert_int_equal(mode_of("file"), 0600);
	assert_content("other name", "an older and longer content");
}

static void links_are_refused(void **state)
{
	(void)state;
	put("target", "precious", 0600);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(symlink("folder", "way"), 0);
	for (enum libos libos = LIBOS_NONE; libos <= LIBOS_OCCLUM; libos++) {
		assert_refused(write_in(libos, "link", "x"), ERROR_DENIED,
			       "file link: link is a symbolic link");
		assert_refused(write_in(libos, "dangling", "x"), ERROR_DENIED, "symbolic link");
		assert_refused(write_in(libos, "way/file", "x"), ERROR_DENIED,
			       "file way/file: way is a symbolic link");
		assert_refused(write_in(libos, "folder/../way/a/b", "x"), ERROR_DENIED,
			       "folder/../way is a symbolic link");
	}
	assert_content("target", "precious");
	assert_int_equal(access("nowhere", F_OK), -1);
	assert_int_equal(entries_of("folder"), 0);
}

static void what_is_no_file(void **state)
{
	(void)state;
	put("file", "", 0600);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_refused(write_one("folder", "x"), ERROR_DENIED, "folder", "no regular file");
	assert_refused(write_one("fifo", "x"), ERROR_DENIED, "fifo", "no regular file");
	assert_refused(write_one("file/below", "x"), ERROR_DENIED, "file file/below: folder file");
	assert_refused(write_one("folder/", "x"), ERROR_INVALID, "names a folder");
	assert_refused(write_one("", "x"), ERROR_INVALID, "names a folder");
	assert_refused(write_one("folder/..", "x"), ERROR_INVALID, "names a folder");
	assert_int_equal(entries_of("."), 3);
}

static void long_names(void **state)
{
	(void)state;
	char path[400];
	memset(path, 'n', sizeof path);
	path[300] = '/';
	path[302] = 0;
	assert_refused(write_one(path, "x"), ERROR_INVALID, "255");
	path[255] = 0; /* the longest name: the temporary one is not longer */
	must(write_one(path, "x"));
	assert_content(path, "x");
}

/* Outside Gramine there is no /dev/attestation; what matters is that it is tried first. */
static void keys_come_first(void **state)
{
	(void)state;
	uid_t before = geteuid();
	if (before == 0) /* who could make that folder */
		assert_int_equal(seteuid(65534), 0);
	struct marblerun_named_value two[] = { value("file", "x"), value("/dev/attestation/keys/k", "y") };
	const struct marblerun_parameters given = { .files = two, .file_count = 2 };
	assert_refused(files_write(&given, LIBOS_GRAMINE), ERROR_DENIED, "/dev/attestation/keys/k");
	assert_int_equal(access("file", F_OK), -1);
	assert_int_equal(seteuid(before), 0);
	for (size_t i = 0; i < 2; i++) {
		free(two[i].name);
		free(two[i].data);
	}
}

static void plainly_in_a_libos(void **state)
{
	(void)state;
	put("file", "an older and longer content", 0644);
	assert_int_equal(link("file", "same file"), 0);
	must(write_in(LIBOS_GRAMINE, "file", "new"));
	assert_content("same file", "new");
	must(write_in(LIBOS_OCCLUM, "made/new", "new"));
	assert_int_equal(mode_of("made/new"), 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(folders_are_made), in_folder(older_files_are_replaced),
		in_folder(links_are_refused), in_folder(what_is_no_file), in_folder(long_names),
		in_folder(keys_come_first), in_folder(plainly_in_a_libos),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
