#include "premain/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/random.h"

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}
#define CLEANUP_CLOSE __attribute__((cleanup(close_descriptor)))

enum { TEMPORARY_SIZE = 32 };

/* O_PATH: a folder that may be entered need not be readable. */
enum { FOLDER_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static error *is_link(const char *path, size_t size)
{
	return error_new(ERROR_DENIED, "file %s: %.*s is a symbolic link; secrets are not written through "
			 "links: name the real path in the manifest", path, (int)size, path);
}

/* Steps from `folder` into path[from..to). */
static error *enter(int folder, const char *path, size_t from, size_t to, int *ret)
{
	char name[NAME_MAX + 1];
	struct stat is;
	if (to - from > NAME_MAX)
		return error_new(ERROR_INVALID, "file %s: a name is longer than %d bytes", path, NAME_MAX);
	snprintf(name, sizeof name, "%.*s", (int)(to - from), path + from);
	int next = openat(folder, name, FOLDER_FLAGS);
	if (next < 0 && errno == ENOENT && (mkdirat(folder, name, 0700) == 0 || errno == EEXIST))
		next = openat(folder, name, FOLDER_FLAGS);
	int failure = errno;
	if (next < 0 && fstatat(folder, name, &is, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(is.st_mode))
		return is_link(path, to);
	if (next < 0)
		return error_errno(ERROR_DENIED, failure, "file %s: folder %.*s", path, (int)to, path);
	*ret = next;
	return NULL;
}

static int start_of(const char *path)
{
	return open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The folder of the file, its folders made where they are missing. `name` points into path. */
static error *open_folder(const char *path, int *ret, const char **ret_name)
{
	CLEANUP_CLOSE int folder = start_of(path);
	size_t at = 0;
	if (folder < 0)
		return error_errno(ERROR_DENIED, errno, "file %s: where its path begins", path);
	for (;;) {
		at += strspn(path + at, "/");
		size_t end = at + strcspn(path + at, "/");
		if (!path[end])
			break;
		int next;
		TRY(enter(folder, path, at, end, &next));
		close(folder);
		folder = next;
		at = end;
	}
	const char *name = path + at;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_new(ERROR_INVALID, "file \"%s\" names a folder: the path of a file is "
				 "expected", path);
	*ret = folder;
	folder = -1;
	*ret_name = name;
	return NULL;
}

static error *write_content(int file, const char *path, bytes content)
{
	while (content.size) {
		ssize_t put = write(file, content.data, content.size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_errno(ERROR_DENIED, errno, "file %s: writing", path);
		content = bytes_slice(content, (size_t)put, SIZE_MAX);
	}
	return NULL;
}

/* A LibOS's files are this process's alone, and its lists of permitted files know no temporary
 * names. */
static error *write_plainly(int folder, const char *name, const char *path, bytes content)
{
	CLEANUP_CLOSE int file =
		openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0 && errno == ELOOP)
		return is_link(path, strlen(path));
	if (file < 0)
		return error_errno(ERROR_DENIED, errno, "file %s: opening", path);
	return write_content(file, path, content);
}

static error *check_target(int folder, const char *name, const char *path)
{
	struct stat is;
	if (fstatat(folder, name, &is, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? NULL : error_errno(ERROR_DENIED, errno, "file %s", path);
	if (S_ISLNK(is.st_mode))
		return is_link(path, strlen(path));
	if (!S_ISREG(is.st_mode))
		return error_new(ERROR_DENIED, "file %s: something that is no regular file is there", path);
	return NULL;
}

static error *create_temporary(int folder, const char *path, char name[TEMPORARY_SIZE], int *ret)
{
	uint64_t number;
	TRY(random_fill(&number, sizeof number));
	snprintf(name, TEMPORARY_SIZE, ".marble-%016llx", (unsigned long long)number);
	int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return error_errno(ERROR_DENIED, errno, "file %s: creating a file in its folder", path);
	*ret = file;
	return NULL;
}

static error *fill_temporary(int file, const char *path, bytes content)
{
	TRY(write_content(file, path, content));
	if (fchmod(file, 0600) != 0 || fsync(file) != 0)
		return error_errno(ERROR_DENIED, errno, "file %s: writing", path);
	return NULL;
}

static error *write_atomically(int folder, const char *name, const char *path, bytes content)
{
	char temporary[TEMPORARY_SIZE];
	CLEANUP_CLOSE int file = -1;
	TRY(check_target(folder, name, path));
	TRY(create_temporary(folder, path, temporary, &file));
	error *e = fill_temporary(file, path, content);
	/* A link put there since then is replaced, not followed. */
	if (!e && renameat(folder, temporary, folder, name) != 0)
		e = error_errno(ERROR_DENIED, errno, "file %s: putting it in place", path);
	if (e)
		unlinkat(folder, temporary, 0);
	return e;
}

static error *write_file(const struct marblerun_named_value *given, enum libos libos)
{
	CLEANUP_CLOSE int folder = -1;
	const char *name = NULL;
	bytes content = bytes_of(given->data, given->size);
	TRY(open_folder(given->name, &folder, &name));
	if (libos != LIBOS_NONE)
		return write_plainly(folder, name, given->name, content);
	return write_atomically(folder, name, given->name, content);
}

static bool is_gramine_key(const char *path)
{
	static const char keys[] = "/dev/attestation/keys/";
	return strncmp(path, keys, sizeof keys - 1) == 0 ||
	       strcmp(path, "/dev/attestation/protected_files_key") == 0;
}

error *files_write(const struct marblerun_parameters *given, enum libos libos)
{
	for (int keys = 1; keys >= 0; keys--)
		for (size_t i = 0; i < given->file_count; i++)
			if (is_gramine_key(given->files[i].name) == keys)
				TRY(write_file(&given->files[i], libos));
	return NULL;
}
