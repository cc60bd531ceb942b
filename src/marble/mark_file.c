#include "marble/mark_file.h"

#include <stdio.h>

#include "base/file.h"

enum { MARK_FILE_MAX = 4096 };

static error *path_of(const char *uuid_file, char **ret)
{
	char *path = NULL;
	if (asprintf(&path, "%s.state", uuid_file) < 0)
		return error_no_memory();
	*ret = path;
	return NULL;
}

error *mark_file_load(const char *uuid_file, struct blob *ret)
{
	CLEANUP_FREE char *path = NULL;
	TRY(path_of(uuid_file, &path));
	error_free(file_read(path, MARK_FILE_MAX, ret));
	return NULL;
}

error *mark_file_store(const char *uuid_file, bytes mark)
{
	CLEANUP_FREE char *path = NULL;
	if (!mark.size || mark.size > MARK_FILE_MAX)
		return NULL;
	TRY(path_of(uuid_file, &path));
	return file_replace(path, mark, 0600);
}
