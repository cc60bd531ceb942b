/* The functions behind those that this library puts itself before: the C library's, or of whatever else is
 * preloaded. */
#pragma once
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define SYSTEM_FUNCTIONS(X)                                                                                    \
	X(int, connect, (int, const struct sockaddr *, socklen_t))                                             \
	X(int, accept, (int, struct sockaddr *, socklen_t *))                                                  \
	X(int, accept4, (int, struct sockaddr *, socklen_t *, int))                                            \
	X(int, bind, (int, const struct sockaddr *, socklen_t))                                                \
	X(int, listen, (int, int))                                                                             \
	X(int, socket, (int, int, int))                                                                        \
	X(int, shutdown, (int, int))                                                                           \
	X(int, close, (int))                                                                                   \
	X(int, close_range, (unsigned, unsigned, int))                                                         \
	X(void, closefrom, (int))                                                                              \
	X(int, dup, (int))                                                                                     \
	X(int, dup2, (int, int))                                                                               \
	X(int, dup3, (int, int, int))                                                                          \
	X(int, fcntl, (int, int, ...))                                                                         \
	X(int, fcntl64, (int, int, ...))                                                                       \
	X(int, ioctl, (int, unsigned long, ...))                                                               \
	X(int, getsockopt, (int, int, int, void *, socklen_t *))                                               \
	X(int, setsockopt, (int, int, int, const void *, socklen_t))                                           \
	X(int, getpeername, (int, struct sockaddr *, socklen_t *))                                             \
	X(int, getsockname, (int, struct sockaddr *, socklen_t *))                                             \
	X(ssize_t, read, (int, void *, size_t))                                                                \
	X(ssize_t, write, (int, const void *, size_t))                                                         \
	X(ssize_t, readv, (int, const struct iovec *, int))                                                    \
	X(ssize_t, writev, (int, const struct iovec *, int))                                                   \
	X(ssize_t, preadv2, (int, const struct iovec *, int, off_t, int))                                      \
	X(ssize_t, pwritev2, (int, const struct iovec *, int, off_t, int))                                     \
	X(ssize_t, pread, (int, void *, size_t, off_t))                                                        \
	X(ssize_t, recv, (int, void *, size_t, int))                                                           \
	X(ssize_t, send, (int, const void *, size_t, int))                                                     \
	X(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))                       \
	X(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))               \
	X(ssize_t, recvmsg, (int, struct msghdr *, int))                                                       \
	X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                                 \
	X(int, recvmmsg, (int, struct mmsghdr *, unsigned, int, struct timespec *))                            \
	X(int, sendmmsg, (int, struct mmsghdr *, unsigned, int))                                               \
	X(ssize_t, sendfile, (int, int, off_t *, size_t))                                                      \
	X(ssize_t, sendfile64, (int, int, off_t *, size_t))                                                    \
	X(ssize_t, splice, (int, off64_t *, int, off64_t *, size_t, unsigned))                                 \
	X(int, poll, (struct pollfd *, nfds_t, int))                                                           \
	X(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))                    \
	X(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *))                                  \
	X(int, pselect, (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))        \
	X(int, epoll_ctl, (int, int, int, struct epoll_event *))                                               \
	X(int, epoll_wait, (int, struct epoll_event *, int, int))                                              \
	X(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))                           \
	X(int, epoll_pwait2, (int, struct epoll_event *, int, const struct timespec *, const sigset_t *))      \
	X(long, syscall, (long, ...))                                                                          \
	X(FILE *, fdopen, (int, const char *))                                                                 \
	X(int, fileno, (FILE *))                                                                               \
	X(int, vdprintf, (int, const char *, va_list))                                                         \
	X(int, getaddrinfo, (const char *, const char *, const struct addrinfo *, struct addrinfo **))         \
	X(struct hostent *, gethostbyname, (const char *))                                                     \
	X(struct hostent *, gethostbyname2, (const char *, int))                                               \
	X(int, gethostbyname_r, (const char *, struct hostent *, char *, size_t, struct hostent **, int *))    \
	X(int, gethostbyname2_r,                                                                               \
	  (const char *, int, struct hostent *, char *, size_t, struct hostent **, int *))                     \
	X(pid_t, fork, (void))                                                                                 \
	X(int, system, (const char *))                                                                         \
	X(FILE *, popen, (const char *, const char *))                                                         \
	X(int, execvpe, (const char *, char *const[], char *const[]))                                          \
	X(int, execve, (const char *, char *const[], char *const[]))                                           \
	X(int, fexecve, (int, char *const[], char *const[]))                                                   \
	X(int, posix_spawn_file_actions_addclosefrom_np, (posix_spawn_file_actions_t *, int))                  \
	X(int, posix_spawn,                                                                                    \
	  (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,               \
	   char *const[], char *const[]))                                                                      \
	X(int, posix_spawnp,                                                                                   \
	  (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,               \
	   char *const[], char *const[]))                                                                      \
	X(void, _exit, (int))                                                                                  \
	X(void, quick_exit, (int))

struct system_functions {
#define SYSTEM_MEMBER(result, name, parameters) result(*name) parameters;
	SYSTEM_FUNCTIONS(SYSTEM_MEMBER)
#undef SYSTEM_MEMBER
};

extern struct system_functions system_functions;
extern int system_found;
void system_find(void);

/* Other libraries' constructors may call us before ours has run. */
static inline const struct system_functions *system_calls(void)
{
	if (__builtin_expect(!__atomic_load_n(&system_found, __ATOMIC_ACQUIRE), 0))
		system_find();
	return &system_functions;
}
#define sys system_calls()
