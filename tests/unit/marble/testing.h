/* What the tests of marble, premain and cli share: a folder of their own, and errors by their text. */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* last */
#include <cmocka.h>

#include "base/file.h"

static inline void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

/* The message holds every part; the parts end in NULL. */
static inline void assert_refused_with(error *e, enum error_code code, const char *const *parts)
{
	assert_non_null(e);
	if (error_code(e) != code)
		fail_msg("%s: %s", error_code_name(error_code(e)), error_message(e));
	for (; *parts; parts++)
		if (!strstr(error_message(e), *parts))
			fail_msg("\"%s\" is missing in: %s", *parts, error_message(e));
	error_free(e);
}
#define assert_refused(e, code, ...)                                                               \
	assert_refused_with(e, code, (const char *const[]){ __VA_ARGS__, NULL })

static inline void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is missing in: %s", part, text);
}

/* Each test runs in a new folder, which is gone afterwards. */
static inline int enter_folder(void **state)
{
	char *folder = strdup("/tmp/marblerun-test.XXXXXX");
	*state = folder;
	return !folder || !mkdtemp(folder) || chdir(folder) != 0;
}

static inline int remove_one(const char *path, const struct stat *is, int kind, struct FTW *walk)
{
	(void)is, (void)kind, (void)walk;
	return remove(path);
}

static inline int leave_folder(void **state)
{
	int failed = chdir("/") != 0 || nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
	free(*state);
	return failed;
}
#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

static inline void put(const char *path, const char *content, mode_t mode)
{
	must(file_replace(path, bytes_of_string(content), mode));
}

static inline void assert_content(const char *path, const char *expected)
{
	CLEANUP(blob_free) struct blob content = { 0 };
	must(file_read(path, 1 << 20, &content));
	assert_int_equal(content.size, strlen(expected));
	assert_memory_equal(content.data, expected, content.size);
}

static inline mode_t mode_of(const char *path)
{
	struct stat is;
	assert_int_equal(lstat(path, &is), 0);
	return is.st_mode & 07777;
}
