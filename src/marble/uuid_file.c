#include "marble/uuid_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
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

static error *no_uuid(const char *path)
{
	return error_new(ERROR_INVALID, "%s holds no UUID: 36 characters such as "
			 "f81d4fae-7dec-41d0-a765-00a0c91e6bf6 are expected; remove the file to get a "
			 "new one", path);
}

static error *parse(bytes text, const char *path, char ret[UUID_TEXT_SIZE])
{
	if (text.size == UUID_TEXT_SIZE && text.data[UUID_TEXT_SIZE - 1] == '\n')
		text.size--; /* an editor's */
	if (text.size != UUID_TEXT_SIZE - 1)
		return no_uuid(path);
	char uuid[UUID_TEXT_SIZE] = { 0 };
	for (size_t i = 0; i < text.size; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen ? text.data[i] != '-' : !isxdigit(text.data[i]))
			return no_uuid(path);
		uuid[i] = (char)tolower(text.data[i]);
	}
	memcpy(ret, uuid, sizeof uuid);
	return NULL;
}

/* ERROR_NOT_FOUND when there is none. */
static error *read_uuid(const char *path, char ret[UUID_TEXT_SIZE])
{
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	CLEANUP_CLOSE int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat is;
	char text[UUID_TEXT_SIZE + 1];
	if (file < 0 && errno == ELOOP)
		return error_new(ERROR_INVALID, "%s is a symbolic link: a regular file is expected", path);
	if (file < 0)
		return error_errno(errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID, errno, "opening %s",
				   path);
	if (fstat(file, &is) != 0 || !S_ISREG(is.st_mode))
		return error_new(ERROR_INVALID, "%s is no regular file", path);
	ssize_t got = read(file, text, sizeof text);
	if (got < 0)
		return error_errno(ERROR_INVALID, errno, "reading %s", path);
	return parse(bytes_of(text, (size_t)got), path, ret);
}

/* Version 4 (RFC 9562, section 5.4). */
static error *random_uuid(char ret[UUID_TEXT_SIZE])
{
	uint8_t b[16];
	TRY(random_fill(b, sizeof b));
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(ret, UUID_TEXT_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
		 b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return NULL;
}

static error *write_temporary(char *temporary, const char *uuid)
{
	CLEANUP_CLOSE int file = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (file < 0)
		return error_errno(ERROR_INVALID, errno, "creating %s", temporary);
	size_t size = strlen(uuid);
	if (write(file, uuid, size) == (ssize_t)size && fsync(file) == 0)
		return NULL;
	error *e = error_errno(ERROR_INVALID, errno, "writing %s", temporary);
	unlink(temporary);
	return e;
}

/* Puts the file in place unless one is there by now: then ERROR_CONFLICT. Library operating systems
 * know no links; there nobody else runs either. */
static error *put_in_place(const char *temporary, const char *path)
{
	int failed = link(temporary, path) != 0 ? errno : 0;
	if (failed && failed != EEXIST && rename(temporary, path) == 0)
		return NULL;
	unlink(temporary);
	if (failed == EEXIST)
		return error_new(ERROR_CONFLICT, "%s exists by now", path);
	return failed ? error_errno(ERROR_INVALID, failed, "creating %s", path) : NULL;
}

static error *create(const char *path, char ret[UUID_TEXT_SIZE])
{
	char uuid[UUID_TEXT_SIZE];
	CLEANUP_FREE char *temporary = NULL;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return error_no_memory();
	}
	TRY(random_uuid(uuid));
	TRY(write_temporary(temporary, uuid));
	TRY(put_in_place(temporary, path));
	memcpy(ret, uuid, sizeof uuid);
	return NULL;
}

error *uuid_file_load(const char *path, char ret[UUID_TEXT_SIZE])
{
	CLEANUP(error_free) error *missing = read_uuid(path, ret);
	if (!missing || error_code(missing) != ERROR_NOT_FOUND)
		return TAKE(missing);
	CLEANUP(error_free) error *lost = create(path, ret);
	if (!lost || error_code(lost) != ERROR_CONFLICT)
		return TAKE(lost);
	return read_uuid(path, ret);
}
