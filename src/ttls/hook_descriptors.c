/* Descriptors come and go: close, dup and what is like them. */
#include <fcntl.h>
#include <stdlib.h>

#include "ttls/hook.h"
#include "ttls/streams.h"

bool plane_reserves(int fd)
{
	for (int i = 0; plane.mode == PLANE_ON && fd >= 0 && i < HANDOVER_FILES; i++)
		if (plane.files[i] == fd)
			return true;
	return false;
}

/* Before `fd` stands for something else, or nothing. */
static void leave(int fd)
{
	struct connection *c = hooked(fd);
	if (!c)
		return;
	connection_put(c);
	if (!own_process())
		return;
	int kept = errno;
	connection_detach(fd);
	errno = kept;
}

HOOK int close(int fd)
{
	if (plane_reserves(fd))
		return 0;
	leave(fd);
	return sys->close(fd);
}

/* The lowest from `first` to `last`. */
static bool next_reserved(unsigned first, unsigned last, unsigned *ret)
{
	bool found = false;
	for (int i = 0; i < HANDOVER_FILES; i++) {
		unsigned file = (unsigned)plane.files[i];
		if (plane.files[i] < 0 || file < first || file > last || (found && file > *ret))
			continue;
		*ret = file;
		found = true;
	}
	return found;
}

/* All of a range but the reserved files. */
static int close_parts(unsigned first, unsigned last, int flags)
{
	int result = 0;
	unsigned kept = last;
	while (!result && next_reserved(first, last, &kept)) {
		if (kept > first)
			result = sys->close_range(first, kept - 1, flags);
		first = kept + 1;
	}
	return result || first > last ? result : sys->close_range(first, last, flags);
}

static unsigned range_first, range_last;

static void leave_range(int fd, struct connection *c)
{
	(void)c;
	if ((unsigned)fd >= range_first && (unsigned)fd <= range_last)
		connection_detach(fd);
}

HOOK int close_range(unsigned first, unsigned last, int flags)
{
	if (plane.mode != PLANE_ON || first > last)
		return sys->close_range(first, last, flags);
	if (!flags && own_process()) {
		range_first = first;
		range_last = last;
		connection_each(leave_range);
	}
	return close_parts(first, last, flags);
}

HOOK void closefrom(int first)
{
	if (plane.mode == PLANE_ON)
		close_range(first < 0 ? 0 : (unsigned)first, ~0U, 0);
	else
		sys->closefrom(first);
}

/* `copy` stands for what `fd` stands for. */
static int copied(int fd, int copy)
{
	struct connection *c = copy < 0 ? NULL : hooked(fd);
	if (!c)
		return copy;
	if (own_process()) {
		connection_copy(c, copy);
		streams_follow(copy);
	}
	unhook(c);
	return copy;
}

HOOK int dup(int fd)
{
	return copied(fd, sys->dup(fd));
}

/* A program that wants a reserved number gets it; the file moves. */
static bool give_way(int fd)
{
	if (!plane_reserves(fd) || !own_process())
		return !plane_reserves(fd);
	int moved = sys->fcntl(fd, F_DUPFD, 512);
	for (int i = 0; moved >= 0 && i < HANDOVER_FILES; i++)
		if (plane.files[i] == fd)
			plane.files[i] = moved;
	return moved >= 0;
}

static int dup_to(int fd, int copy, int flags)
{
	if (fd == copy || flags & ~O_CLOEXEC || sys->fcntl(fd, F_GETFD) < 0)
		return sys->dup3(fd, copy, flags); /* fails, and leaves `copy` what it is */
	if (!give_way(copy))
		return fail_with(EBUSY);
	leave(copy);
	int result = sys->dup3(fd, copy, flags);
	if (result >= 0 && own_process())
		streams_restore(copy);
	return copied(fd, result);
}

HOOK int dup2(int fd, int copy)
{
	return plane.mode != PLANE_ON || fd == copy ? sys->dup2(fd, copy) : dup_to(fd, copy, 0);
}

HOOK int dup3(int fd, int copy, int flags)
{
	return plane.mode != PLANE_ON ? sys->dup3(fd, copy, flags) : dup_to(fd, copy, flags);
}

static int control(int fd, int command, void *argument)
{
	int result = sys->fcntl(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result;
}

HOOK int fcntl(int fd, int command, ...)
{
	va_list more;
	va_start(more, command);
	void *argument = va_arg(more, void *);
	va_end(more);
	return control(fd, command, argument);
}

HOOK int fcntl64(int fd, int command, ...)
{
	va_list more;
	va_start(more, command);
	void *argument = va_arg(more, void *);
	va_end(more);
	return control(fd, command, argument);
}
