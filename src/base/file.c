#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}
#define CLEANUP_CLOSE __attribute__((cleanup(close_descriptor)))

static error *read_all(int descriptor, const char *path, struct writer *w)
{
	uint8_t chunk[4096];
	ssize_t got;
	while ((got = read(descriptor, chunk, sizeof chunk)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(ERROR_UNAVAILABLE, errno, "reading %s", path);
		write_bytes(w, bytes_of(chunk, (size_t)got));
		if (w->failed || w->too_large)
			break;
	}
	explicit_bzero(chunk, sizeof chunk);
	return writer_check(w, path);
}

static error *read_path(const char *path, struct writer *w)
{
	CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor < 0)
		return error_errno(errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, errno,
				   "opening %s", path);
	return read_all(descriptor, path, w);
}

error *file_read(const char *path, size_t limit, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { .limit = limit };
	TRY(read_path(path, &w));
	return blob_of_writer(&w, path, ret);
}

error *file_read_secret(const char *path, size_t limit, struct secret *ret)
{
	CLEANUP(writer_free) struct writer w = { .limit = limit, .secret = true };
	TRY(read_path(path, &w));
	return secret_of_writer(&w, path, ret);
}

static error *write_all(int descriptor, const char *path, bytes content, mode_t mode)
{
	if (fchmod(descriptor, mode) != 0)
		return error_errno(ERROR_UNAVAILABLE, errno, "setting the mode of %s", path);
	while (content.size) {
		ssize_t put = write(descriptor, content.data, content.size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_errno(ERROR_UNAVAILABLE, errno, "writing %s", path);
		content = bytes_slice(content, (size_t)put, SIZE_MAX);
	}
	if (fsync(descriptor) != 0)
		return error_errno(ERROR_UNAVAILABLE, errno, "syncing %s", path);
	return NULL;
}

static error *write_temporary(char *temporary, bytes content, mode_t mode)
{
	CLEANUP_CLOSE int descriptor = mkostemp(temporary, O_CLOEXEC);
	if (descriptor < 0)
		return error_errno(ERROR_UNAVAILABLE, errno, "creating %s", temporary);
	error *e = write_all(descriptor, temporary, content, mode);
	if (e)
		unlink(temporary);
	return e;
}

static error *sync_folder(const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);
	TRY_ALLOC(copy);
	CLEANUP_CLOSE int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || (fsync(folder) != 0 && errno != EINVAL))
		return error_errno(ERROR_UNAVAILABLE, errno, "syncing the folder of %s", path);
	return NULL;
}

static error *write_beside(const char *path, bytes content, mode_t mode, char **ret_temporary)
{
	CLEANUP_FREE char *temporary = NULL;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return error_no_memory();
	}
	TRY(write_temporary(temporary, content, mode));
	*ret_temporary = TAKE(temporary);
	return NULL;
}

error *file_replace(const char *path, bytes content, mode_t mode)
{
	CLEANUP_FREE char *temporary = NULL;
	TRY(write_beside(path, content, mode, &temporary));
	if (rename(temporary, path) != 0) {
		error *e = error_errno(ERROR_UNAVAILABLE, errno, "replacing %s", path);
		unlink(temporary);
		return e;
	}
	return sync_folder(path);
}

error *file_create(const char *path, bytes content, mode_t mode)
{
	CLEANUP_FREE char *temporary = NULL;
	TRY(write_beside(path, content, mode, &temporary));
	int failure = link(temporary, path) == 0 ? 0 : errno;
	unlink(temporary);
	if (failure)
		return error_errno(failure == EEXIST ? ERROR_CONFLICT : ERROR_UNAVAILABLE, failure,
				   "creating %s", path);
	return sync_folder(path);
}
