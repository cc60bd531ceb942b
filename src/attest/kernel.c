#include "attest/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int open_path(const char *path, int flags)
{
	return open(path, flags);
}

static int control(int descriptor, unsigned long request, void *argument)
{
	return ioctl(descriptor, request, argument);
}

static void pause_for(unsigned milliseconds)
{
	nanosleep(&(struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000L }, NULL);
}

const struct kernel real_kernel = { stat, open_path, read, write, close, control, mkdir, rmdir, pause_for };

static error *failed(int number, const char *doing, const char *path, int *ret_errno)
{
	if (ret_errno)
		*ret_errno = number;
	return error_errno(ERROR_UNAVAILABLE, number, "%s %s", doing, path);
}

bool kernel_has(const struct kernel *k, const char *path, mode_t type)
{
	struct stat found;
	return k->stat(path, &found) == 0 && (!type || (found.st_mode & S_IFMT) == type);
}

/* An open file of a kernel. */
struct opened {
	const struct kernel *kernel;
	int descriptor;
};

static void opened_close_cleanup(struct opened *o)
{
	if (o->descriptor >= 0)
		o->kernel->close(o->descriptor);
}
#define CLEANUP_OPENED __attribute__((cleanup(opened_close_cleanup)))

static error *open_file(const struct kernel *k, const char *path, int flags, struct opened *ret, int *ret_errno)
{
	if (ret_errno)
		*ret_errno = 0;
	do {
		ret->descriptor = k->open(path, flags | O_CLOEXEC | O_NOCTTY);
	} while (ret->descriptor < 0 && errno == EINTR);
	return ret->descriptor < 0 ? failed(errno, "opening", path, ret_errno) : NULL;
}

static error *read_into_writer(const struct kernel *k, const char *path, struct writer *w, int *ret_errno)
{
	CLEANUP_OPENED struct opened file = { k, -1 };
	uint8_t chunk[4096];
	ssize_t got;
	error *e = NULL;
	TRY(open_file(k, path, O_RDONLY, &file, ret_errno));
	while (!e && (got = k->read(file.descriptor, chunk, sizeof chunk)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = failed(errno, "reading", path, ret_errno);
		else
			write_bytes(w, bytes_of(chunk, (size_t)got));
		if (w->failed || w->too_large)
			break;
	}
	explicit_bzero(chunk, sizeof chunk);
	TRY(e);
	return writer_check(w, path);
}

error *kernel_read(const struct kernel *k, const char *path, size_t limit, struct blob *ret, int *ret_errno)
{
	CLEANUP(writer_free) struct writer w = { .limit = limit };
	TRY(read_into_writer(k, path, &w, ret_errno));
	return blob_of_writer(&w, path, ret);
}

error *kernel_read_secret(const struct kernel *k, const char *path, size_t limit, struct secret *ret)
{
	CLEANUP(writer_free) struct writer w = { .limit = limit, .secret = true };
	TRY(read_into_writer(k, path, &w, NULL));
	return secret_of_writer(&w, path, ret);
}

error *kernel_write(const struct kernel *k, const char *path, bytes content, int *ret_errno)
{
	CLEANUP_OPENED struct opened file = { k, -1 };
	ssize_t put;
	TRY(open_file(k, path, O_WRONLY, &file, ret_errno));
	do {
		put = k->write(file.descriptor, content.data, content.size);
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		return failed(errno, "writing", path, ret_errno);
	if ((size_t)put != content.size)
		return error_new(ERROR_UNAVAILABLE, "writing %s: it took %zd of %zu bytes", path, put,
				 content.size);
	int descriptor = file.descriptor;
	file.descriptor = -1;
	return k->close(descriptor) == 0 ? NULL : failed(errno, "closing", path, ret_errno);
}

error *kernel_ioctl(const struct kernel *k, const char *path, unsigned long request, void *argument,
		    int *ret_errno)
{
	CLEANUP_OPENED struct opened device = { k, -1 };
	int result;
	TRY(open_file(k, path, O_RDWR, &device, ret_errno));
	do {
		result = k->ioctl(device.descriptor, request, argument);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? failed(errno, "asking", path, ret_errno) : NULL;
}
