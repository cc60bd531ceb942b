#include "premain/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

enum { OPENED_SIZE = sizeof ((struct program *)0)->opened };
static const char default_search[] = "/bin:/usr/bin"; /* confstr(_CS_PATH) */

void program_close(struct program *program)
{
	free(program->path);
	if (program->descriptor >= 0)
		close(program->descriptor);
	*program = (struct program){ .descriptor = -1 };
}

/* errno values say why not; 0 when the file is open. */
static int open_executable(const char *path, int *ret)
{
	struct stat is;
	int failure = 0;
	if (access(path, X_OK) != 0)
		return errno;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0)
		return errno;
	if (fstat(file, &is) != 0)
		failure = errno;
	else if (!S_ISREG(is.st_mode))
		failure = EACCES;
	if (failure)
		close(file);
	else
		*ret = file;
	return failure;
}

/* The kernel starts a script's interpreter with the path of the descriptor (/dev/fd/N) as argument,
 * which must still lead to the script then. An ELF program does not need its descriptor. */
static error *keep_for_interpreter(int file)
{
	static const char elf[4] = { 0x7f, 'E', 'L', 'F' };
	char first[4] = { 0 };
	if (pread(file, first, sizeof first, 0) == sizeof first && memcmp(first, elf, sizeof elf) == 0)
		return NULL;
	if (fcntl(file, F_SETFD, 0) != 0)
		return error_errno(ERROR_INTERNAL, errno, "keeping the program's file open");
	return NULL;
}

static error *found(char *path, int file, struct program *ret)
{
	struct program program = { .path = path, .descriptor = file };
	snprintf(program.opened, OPENED_SIZE, "/proc/self/fd/%d", file);
	error *e = keep_for_interpreter(file);
	if (e)
		program_close(&program);
	else
		*ret = program;
	return e;
}

static char *join(bytes folder, const char *name)
{
	char *path = NULL;
	bytes from = folder.size ? folder : bytes_of_string("."); /* an empty element: here */
	int length = asprintf(&path, "%.*s/%s", (int)from.size, (const char *)from.data, name);
	return length < 0 ? NULL : path;
}

static error *not_executable(const char *name, int failure)
{
	return error_errno(ERROR_DENIED, failure, "%s can't be executed (the launcher also has to read it)",
			   name);
}

static error *open_path(const char *path, struct program *ret)
{
	int file, failure = open_executable(path, &file);
	if (failure == ENOENT || failure == ENOTDIR)
		return error_errno(ERROR_NOT_FOUND, failure, "program %s", path);
	if (failure)
		return not_executable(path, failure);
	char *copy = strdup(path);
	if (!copy) {
		close(file);
		return error_no_memory();
	}
	return found(copy, file, ret);
}

/* As execvp: what is there and can't be executed is passed over, and named when nothing follows. */
static error *search_path(const char *name, const char *search, struct program *ret)
{
	int refused = 0;
	for (const char *at = search;; at++) {
		size_t size = strcspn(at, ":");
		char *path = join(bytes_of(at, size), name);
		TRY_ALLOC(path);
		int file, failure = open_executable(path, &file);
		if (!failure)
			return found(path, file, ret);
		free(path);
		if (failure != ENOENT && failure != ENOTDIR)
			refused = failure;
		at += size;
		if (!*at)
			break;
	}
	if (refused)
		return not_executable(name, refused);
	return error_new(ERROR_NOT_FOUND, "program %s is in no folder of PATH", name);
}

error *program_open(enum libos libos, const char *name, const char *search, struct program *ret)
{
	if (libos == LIBOS_NONE && !strchr(name, '/'))
		return search_path(name, search ? search : default_search, ret);
	TRY(open_path(name, ret));
	ret->by_path = libos != LIBOS_NONE;
	return NULL;
}

error *program_execute(const struct program *program, char **arguments, char **environment)
{
	if (program->by_path)
		execve(program->path, arguments, environment);
	else
		fexecve(program->descriptor, arguments, environment);
	int failure = errno;
	if (failure == ENOENT) /* not the file itself: it is open */
		return error_new(ERROR_NOT_FOUND, "executing %s: its interpreter is missing",
				 program->path);
	return error_errno(ERROR_DENIED, failure, "executing %s", program->path);
}
