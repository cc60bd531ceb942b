/* Processes that the program starts are part of the marble: what they inherit must not be without the data plane.
 * And system calls that are made by number. */
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "ttls/handover.h"
#include "ttls/hook.h"
#include "ttls/reach.h"

static void forget_child(int fd, struct connection *c)
{
	(void)fd;
	c->shared->forks--;
}

HOOK pid_t fork(void)
{
	pid_t child = sys->fork();
	if (child < 0 && plane.mode == PLANE_ON) {
		int kept = errno;
		connection_each(forget_child);
		errno = kept;
	}
	return child;
}

/* A child in its parent's memory could not be told from it; POSIX lets vfork be fork. */
HOOK pid_t vfork(void)
{
	return fork();
}

static const char preload[] = "LD_PRELOAD=", handed[] = HANDOVER_VARIABLE "=";

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static char *own_preload(const char *theirs)
{
	char *ours = NULL;
	const char *rest = theirs ? theirs + sizeof preload - 1 : "";
	return asprintf(&ours, "%s%s%s%s", preload, plane.path, *rest ? ":" : "", rest) < 0 ? NULL : ours;
}

/* The environment with what the child's own copy of this library needs. The little that is allocated is given up
 * with the process image; after a failed exec it is lost. */
static char **complete(char *const *environment)
{
	size_t count = 0, next = 0;
	char variable[HANDOVER_TEXT];
	const char *theirs = NULL;
	while (environment && environment[count])
		count++;
	char **made = calloc(count + 3, sizeof *made);
	if (!made)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (begins(environment[i], preload))
			theirs = environment[i];
		else if (!begins(environment[i], handed))
			made[next++] = environment[i];
	}
	handover_name(plane.files, variable);
	made[next++] = strdup(variable);
	made[next] = theirs && strstr(theirs, plane.path) ? (char *)(uintptr_t)theirs : own_preload(theirs);
	if (made[next - 1] && made[next])
		return made;
	free(made);
	return NULL;
}

static const char *entry_of(char *const *environment, const char *prefix)
{
	for (; environment && *environment; environment++)
		if (begins(*environment, prefix))
			return *environment;
	return NULL;
}

static bool put_back(char *variable)
{
	return variable && putenv(variable) == 0;
}

/* Children that the C library starts by itself have the program's own environment: what it has thrown away is put
 * back. */
static bool restore_environment(void)
{
	char variable[HANDOVER_TEXT];
	const char *theirs = entry_of(environ, preload), *given = entry_of(environ, handed);
	if (plane.mode == PLANE_OFF || !plane.path)
		return true;
	handover_name(plane.files, variable);
	if ((!theirs || !strstr(theirs, plane.path)) && !put_back(own_preload(theirs)))
		return false;
	return (given && strcmp(given, variable) == 0) || put_back(strdup(variable));
}

HOOK int system(const char *command)
{
	return restore_environment() ? sys->system(command) : fail_with(ENOMEM);
}

HOOK FILE *popen(const char *command, const char *type)
{
	if (restore_environment())
		return sys->popen(command, type);
	errno = ENOMEM;
	return NULL;
}

static char *const *for_child(char *const *environment)
{
	if (plane.mode == PLANE_OFF || !plane.path)
		return environment;
	char **made = complete(environment);
	return made;
}

/* A child that the library can't be in would speak to the mesh in the clear: it is not started. The loader passes over
 * a library that it may not read. Whatever else is wrong with a program is the kernel's to say. */
static bool out_of_reach(error *e)
{
	bool out = e && error_code(e) == ERROR_UNSUPPORTED;
	error_free(e);
	return out;
}

static bool library_is_readable(void)
{
	return plane.path && eaccess(plane.path, R_OK) == 0;
}

static bool may_start(const char *name)
{
	return plane.mode == PLANE_OFF || !name || (library_is_readable() && !out_of_reach(reach_check_name(name)));
}

HOOK int execve(const char *path, char *const arguments[], char *const environment[])
{
	char *const *whole = for_child(environment);
	if (!may_start(path))
		return fail_with(EACCES);
	return whole ? sys->execve(path, arguments, whole) : fail_with(ENOMEM);
}

HOOK int fexecve(int file, char *const arguments[], char *const environment[])
{
	char *const *whole = for_child(environment);
	if (plane.mode != PLANE_OFF &&
	    (!library_is_readable() || out_of_reach(reach_check(file, "program"))))
		return fail_with(EACCES);
	return whole ? sys->fexecve(file, arguments, whole) : fail_with(ENOMEM);
}

HOOK int execvpe(const char *name, char *const arguments[], char *const environment[])
{
	char *const *whole = for_child(environment);
	if (!may_start(name))
		return fail_with(EACCES);
	return whole ? sys->execvpe(name, arguments, whole) : fail_with(ENOMEM);
}

HOOK int execv(const char *path, char *const arguments[])
{
	return execve(path, arguments, environ);
}

HOOK int execvp(const char *name, char *const arguments[])
{
	return execvpe(name, arguments, environ);
}

enum { ARGUMENTS_MAX = 4096 };

/* The arguments of the execl family; with `ret_environment`, what follows their end. */
static char **collect(const char *first, va_list more, char *const **ret_environment)
{
	char **arguments = calloc(ARGUMENTS_MAX, sizeof *arguments);
	size_t count = 0;
	for (char *argument = (char *)(uintptr_t)first; arguments && argument && count < ARGUMENTS_MAX - 1;
	     argument = va_arg(more, char *))
		arguments[count++] = argument;
	if (ret_environment)
		*ret_environment = va_arg(more, char *const *);
	return arguments;
}

HOOK int execl(const char *path, const char *first, ...)
{
	va_list more;
	va_start(more, first);
	char **arguments = collect(first, more, NULL);
	va_end(more);
	int result = arguments ? execve(path, arguments, environ) : fail_with(ENOMEM);
	free(arguments);
	return result;
}

HOOK int execlp(const char *name, const char *first, ...)
{
	va_list more;
	va_start(more, first);
	char **arguments = collect(first, more, NULL);
	va_end(more);
	int result = arguments ? execvpe(name, arguments, environ) : fail_with(ENOMEM);
	free(arguments);
	return result;
}

HOOK int execle(const char *path, const char *first, ...)
{
	char *const *environment;
	va_list more;
	va_start(more, first);
	char **arguments = collect(first, more, &environment);
	va_end(more);
	int result = arguments ? execve(path, arguments, environment) : fail_with(ENOMEM);
	free(arguments);
	return result;
}

static _Thread_local pid_t spawned;

/* Until the child has started and counted what it really inherited. */
static void hold_for_spawned(int fd, struct connection *c)
{
	if (!(sys->fcntl(fd, F_GETFD) & FD_CLOEXEC))
		shared_hold(c->shared, spawned);
}

static int note_spawned(int result, pid_t child)
{
	if (result || plane.mode != PLANE_ON || !own_process())
		return result;
	spawned = child;
	connection_each(hold_for_spawned);
	return 0;
}

HOOK int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from)
{
	if (plane.mode != PLANE_ON)
		return sys->posix_spawn_file_actions_addclosefrom_np(actions, from);
	DIR *folder = opendir("/proc/self/fd"); /* one by one, for the launcher's files have to stay */
	struct dirent *entry;
	int failed = folder ? 0 : errno;
	while (!failed && (entry = readdir(folder))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		if (*entry->d_name != '.' && fd >= from && !plane_reserves(fd))
			failed = posix_spawn_file_actions_addclose(actions, fd);
	}
	if (folder)
		closedir(folder);
	return failed;
}

HOOK int posix_spawn(pid_t *restrict ret, const char *restrict path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
		     char *const environment[restrict])
{
	pid_t child = 0;
	char *const *whole = for_child(environment);
	if (!may_start(path))
		return EACCES;
	int result = whole ? sys->posix_spawn(&child, path, actions, attributes, arguments, whole) : ENOMEM;
	if (!result && ret)
		*ret = child;
	return note_spawned(result, child);
}

HOOK int posix_spawnp(pid_t *restrict ret, const char *restrict name, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
		      char *const environment[restrict])
{
	pid_t child = 0;
	char *const *whole = for_child(environment);
	if (!may_start(name))
		return EACCES;
	int result = whole ? sys->posix_spawnp(&child, name, actions, attributes, arguments, whole) : ENOMEM;
	if (!result && ret)
		*ret = child;
	return note_spawned(result, child);
}

/* System calls by number */

struct numbers {
	long a, b, c, d, e, f;
};

static long by_number(long number, const struct numbers *n)
{
	switch (number) {
	case SYS_read:
		return read((int)n->a, (void *)n->b, (size_t)n->c);
	case SYS_write:
		return write((int)n->a, (void *)n->b, (size_t)n->c);
	case SYS_readv:
		return readv((int)n->a, (void *)n->b, (int)n->c);
	case SYS_writev:
		return writev((int)n->a, (void *)n->b, (int)n->c);
	case SYS_recvfrom:
		return recvfrom((int)n->a, (void *)n->b, (size_t)n->c, (int)n->d, (void *)n->e, (void *)n->f);
	case SYS_sendto:
		return sendto((int)n->a, (void *)n->b, (size_t)n->c, (int)n->d, (void *)n->e, (socklen_t)n->f);
	case SYS_recvmsg:
		return recvmsg((int)n->a, (void *)n->b, (int)n->c);
	case SYS_sendmsg:
		return sendmsg((int)n->a, (void *)n->b, (int)n->c);
	case SYS_sendmmsg:
		return sendmmsg((int)n->a, (void *)n->b, (unsigned)n->c, (int)n->d);
	case SYS_recvmmsg:
		return recvmmsg((int)n->a, (void *)n->b, (unsigned)n->c, (int)n->d, (void *)n->e);
	case SYS_sendfile:
		return sendfile((int)n->a, (int)n->b, (void *)n->c, (size_t)n->d);
	case SYS_splice:
		return splice((int)n->a, (void *)n->b, (int)n->c, (void *)n->d, (size_t)n->e, (unsigned)n->f);
	case SYS_connect:
		return connect((int)n->a, (void *)n->b, (socklen_t)n->c);
	case SYS_accept:
		return accept((int)n->a, (void *)n->b, (void *)n->c);
	case SYS_accept4:
		return accept4((int)n->a, (void *)n->b, (void *)n->c, (int)n->d);
	case SYS_bind:
		return bind((int)n->a, (void *)n->b, (socklen_t)n->c);
	case SYS_listen:
		return listen((int)n->a, (int)n->b);
	case SYS_socket:
		return socket((int)n->a, (int)n->b, (int)n->c);
	case SYS_shutdown:
		return shutdown((int)n->a, (int)n->b);
	case SYS_close:
		return close((int)n->a);
	case SYS_close_range:
		return close_range((unsigned)n->a, (unsigned)n->b, (int)n->c);
	case SYS_dup:
		return dup((int)n->a);
	case SYS_dup2:
		return dup2((int)n->a, (int)n->b);
	case SYS_dup3:
		return dup3((int)n->a, (int)n->b, (int)n->c);
	case SYS_fcntl:
		return fcntl((int)n->a, (int)n->b, (void *)n->c);
	case SYS_io_uring_setup: /* its reads and writes would pass us by */
		return fail_with(ENOSYS);
	default:
		return sys->syscall(number, n->a, n->b, n->c, n->d, n->e, n->f);
	}
}

HOOK long syscall(long number, ...)
{
	va_list more;
	va_start(more, number);
	struct numbers n;
	n.a = va_arg(more, long);
	n.b = va_arg(more, long);
	n.c = va_arg(more, long);
	n.d = va_arg(more, long);
	n.e = va_arg(more, long);
	n.f = va_arg(more, long);
	va_end(more);
	if (plane.mode == PLANE_OFF)
		return sys->syscall(number, n.a, n.b, n.c, n.d, n.e, n.f);
	return by_number(number, &n);
}
