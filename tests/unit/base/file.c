#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char folder[] = "/tmp/test-file-XXXXXX";
static char path[sizeof folder + 16];

static void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static void put(const char *text, mode_t mode)
{
	must(file_replace(path, bytes_of_string(text), mode));
}

static void assert_content(const char *expected)
{
	CLEANUP(blob_free) struct blob content = { 0 };
	must(file_read(path, 1 << 20, &content));
	assert_true(bytes_equal_string(blob_view(&content), expected));
}

static size_t files_in_folder(void)
{
	size_t count = 0;
	DIR *open_folder = opendir(folder);
	assert_non_null(open_folder);
	for (struct dirent *entry; (entry = readdir(open_folder));)
		count += entry->d_name[0] != '.';
	closedir(open_folder);
	return count;
}

static void assert_error(error *given, enum error_code code, const char *part)
{
	CLEANUP(error_free) error *e = given;
	assert_non_null(e);
	assert_int_equal(error_code(e), code);
	assert_non_null(strstr(error_message(e), path));
	assert_non_null(strstr(error_message(e), part));
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/content", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void test_replace(void **state)
{
	(void)state;
	put("first", 0600);
	assert_content("first");
	put("the second", 0600);
	assert_content("the second");
	put("", 0600);
	assert_content("");
	assert_int_equal(files_in_folder(), 1);
}

/* The mode is the one that was asked for, whatever the umask and the old file say. */
static void test_mode(void **state)
{
	(void)state;
	static const mode_t modes[] = { 0600, 0644, 0400, 0666 };
	mode_t before = umask(0077);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct stat status;
		put("x", modes[i]);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, modes[i]);
	}
	umask(before);
}

/* A link is replaced; what it points to stays as it was. */
static void test_replace_does_not_follow(void **state)
{
	(void)state;
	char target[sizeof path + 8];
	struct stat status;
	snprintf(target, sizeof target, "%s.target", path);
	must(file_replace(target, bytes_of_string("target"), 0600));
	assert_int_equal(symlink(target, path), 0);
	put("new", 0600);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISREG(status.st_mode));
	CLEANUP(blob_free) struct blob content = { 0 };
	must(file_read(target, 100, &content));
	assert_true(bytes_equal_string(blob_view(&content), "target"));
	unlink(target);
}

static void test_limit(void **state)
{
	(void)state;
	put("12345678", 0600);
	CLEANUP(blob_free) struct blob content = { 0 };
	CLEANUP(secret_free) struct secret secret = { 0 };
	must(file_read(path, 8, &content));
	assert_int_equal(content.size, 8);
	blob_free(&content);
	assert_error(file_read(path, 7, &content), ERROR_TOO_LARGE, "larger than 7 bytes");
	assert_null(content.data);
	must(file_read_secret(path, 8, &secret));
	assert_true(bytes_equal_string(secret_view(&secret), "12345678"));
	secret_free(&secret);
	assert_error(file_read_secret(path, 7, &secret), ERROR_TOO_LARGE, "larger than 7 bytes");
	assert_null(secret.data);
}

/* Longer than what is read at once, with every byte. */
static void test_long(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	for (uint32_t i = 0; i < 30000; i++)
		write_be32(&w, i * 2654435761u);
	must(file_replace(path, writer_view(&w), 0600));
	CLEANUP(blob_free) struct blob content = { 0 };
	must(file_read(path, w.size, &content));
	assert_true(bytes_equal(blob_view(&content), writer_view(&w)));
}

static void test_endless(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob content = { 0 };
	CLEANUP(error_free) error *e = file_read("/dev/zero", 100000, &content);
	assert_int_equal(error_code(e), ERROR_TOO_LARGE);
}

static void test_absent(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob content = { 0 };
	assert_error(file_read(path, 10, &content), ERROR_NOT_FOUND, "No such file");
}

static void test_folder_in_place_of_file(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob content = { 0 };
	assert_int_equal(mkdir(path, 0700), 0);
	assert_error(file_read(path, 10, &content), ERROR_UNAVAILABLE, "directory");
	assert_error(file_replace(path, bytes_of_string("x"), 0600), ERROR_UNAVAILABLE,
		     "directory");
	assert_int_equal(files_in_folder(), 1); /* no temporary file is left */
	assert_int_equal(rmdir(path), 0);
}

static void test_no_folder(void **state)
{
	(void)state;
	char there[sizeof path];
	strcpy(there, path);
	strcat(path, "/none");
	assert_error(file_replace(path, bytes_of_string("x"), 0600), ERROR_UNAVAILABLE, "creating");
	strcpy(path, there);
	assert_int_equal(files_in_folder(), 0);
}

/* The disk is full while writing (here: the limit of a file's size): the old content stays. */
static void test_no_space(void **state)
{
	(void)state;
	struct rlimit before, small;
	static char large[65536];
	put("old", 0600);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ .rlim_cur = 4096, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	error *e = file_replace(path, BYTES_OF_ARRAY(large), 0600);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_error(e, ERROR_UNAVAILABLE, "File too large");
	assert_content("old");
	assert_int_equal(files_in_folder(), 1);
}

static void test_create(void **state)
{
	(void)state;
	must(file_create(path, bytes_of_string("first"), 0600));
	assert_error(file_create(path, bytes_of_string("second"), 0600), ERROR_CONFLICT, "File exists");
	assert_content("first");
	assert_int_equal(files_in_folder(), 1);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_replace),
		FILE_TEST(test_mode),
		FILE_TEST(test_replace_does_not_follow),
		FILE_TEST(test_limit),
		FILE_TEST(test_long),
		FILE_TEST(test_endless),
		FILE_TEST(test_absent),
		FILE_TEST(test_folder_in_place_of_file),
		FILE_TEST(test_no_folder),
		FILE_TEST(test_no_space),
		FILE_TEST(test_create),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
