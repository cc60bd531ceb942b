#include <fcntl.h>
#include <stdlib.h>

#include "ttls/hook.h"
#include "ttls/streams.h"

enum { STREAMS = 1024 };

/* fileno() of a stream that is not the C library's has to be known by somebody. */
static struct {
	FILE *_Atomic stream;
	int fd;
} known[STREAMS];

static ssize_t stream_read(void *fd, char *to, size_t size)
{
	return read((int)(intptr_t)fd, to, size);
}

static ssize_t stream_write(void *fd, const char *from, size_t size)
{
	ssize_t written = write((int)(intptr_t)fd, from, size);
	return written < 0 ? 0 : written; /* fopencookie's way to say that it failed */
}

static void forget(int fd, bool standard)
{
	for (int i = standard ? 0 : 3; i < STREAMS; i++)
		if (known[i].stream && known[i].fd == fd) {
			known[i].stream = NULL;
			return;
		}
}

static int stream_close(void *fd)
{
	forget((int)(intptr_t)fd, false);
	return close((int)(intptr_t)fd);
}

static FILE *open_stream(int fd, const char *mode)
{
	static const cookie_io_functions_t functions = { stream_read, stream_write, NULL, stream_close };
	return fopencookie((void *)(intptr_t)fd, mode, functions);
}

static bool is_internet_stream(int fd)
{
	int domain = 0;
	socklen_t size = sizeof domain;
	return sys->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       (domain == AF_INET || domain == AF_INET6);
}

/* Also on a socket that is not connected yet. */
HOOK FILE *fdopen(int fd, const char *mode)
{
	if (plane.mode != PLANE_ON || !is_internet_stream(fd))
		return sys->fdopen(fd, mode);
	FILE *stream = open_stream(fd, mode);
	for (int i = 3; stream && i < STREAMS; i++) {
		FILE *none = NULL;
		if (!atomic_compare_exchange_strong(&known[i].stream, &none, stream))
			continue;
		known[i].fd = fd;
		return stream;
	}
	return stream;
}

HOOK int fileno(FILE *stream)
{
	if (plane.mode == PLANE_ON)
		for (int i = 0; i < STREAMS; i++)
			if (known[i].stream == stream)
				return known[i].fd;
	return sys->fileno(stream);
}

HOOK int fileno_unlocked(FILE *stream)
{
	return fileno(stream);
}

static FILE **standard(int fd)
{
	static FILE **const streams[] = { &stdin, &stdout, &stderr };
	return fd >= 0 && fd <= 2 ? streams[fd] : NULL;
}

static FILE *originals[3];

void streams_follow(int fd)
{
	FILE **stream = standard(fd);
	if (!stream || known[fd].stream)
		return;
	FILE *ours = open_stream(fd, fd ? "w" : "r");
	if (!ours)
		return;
	if (*stream)
		fflush(*stream);
	setvbuf(ours, NULL, fd == 2 ? _IONBF : _IOFBF, BUFSIZ);
	originals[fd] = *stream;
	known[fd].fd = fd;
	known[fd].stream = *stream = ours;
}

void streams_restore(int fd)
{
	FILE **stream = standard(fd);
	if (!stream || !known[fd].stream)
		return;
	fflush(known[fd].stream);
	known[fd].stream = NULL;
	*stream = originals[fd];
}

static int print_to(int fd, const char *format, va_list arguments)
{
	char *text = NULL;
	int size = vasprintf(&text, format, arguments), done = 0;
	while (done < size) {
		ssize_t written = write(fd, text + done, (size_t)(size - done));
		if (written < 0)
			break;
		done += (int)written;
	}
	free(text);
	return done == size ? size : -1;
}

HOOK int vdprintf(int fd, const char *restrict format, va_list arguments)
{
	struct connection *c = hooked(fd);
	if (!c)
		return sys->vdprintf(fd, format, arguments);
	connection_put(c);
	return print_to(fd, format, arguments);
}

HOOK int dprintf(int fd, const char *restrict format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int result = vdprintf(fd, format, arguments);
	va_end(arguments);
	return result;
}

HOOK int __dprintf_chk(int fd, int flag, const char *format, ...);
HOOK int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);

int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
	(void)flag;
	return vdprintf(fd, format, arguments);
}

int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int result = __vdprintf_chk(fd, flag, format, arguments);
	va_end(arguments);
	return result;
}
