/* What moves bytes. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/sendfile.h>

#include "ttls/heap.h"
#include "ttls/hook.h"
#include "ttls/hook_rights.h"
#include "ttls/rules.h"

static ssize_t receive(struct connection *c, int fd, const struct iovec *parts, size_t count, int flags)
{
	if (flags & (MSG_OOB | MSG_ERRQUEUE)) {
		unhook(c);
		return fail_with(flags & MSG_OOB ? EINVAL : EAGAIN);
	}
	struct segments to = segments_of(parts, count);
	to.discard = flags & MSG_TRUNC;
	ssize_t got = connection_receive(c, fd, &to, flags);
	unhook(c);
	return got;
}

/* Unlike read, which brings nothing at once, recv waits for something that it could bring. */
static ssize_t receive_nothing(struct connection *c, int fd, int flags)
{
	struct iovec nowhere = { NULL, 1 };
	return receive(c, fd, &nowhere, 1, flags | MSG_PEEK | MSG_TRUNC) < 0 ? -1 : 0;
}

static ssize_t receive_into(struct connection *c, int fd, void *to, size_t size, int flags)
{
	struct iovec part = { to, size };
	return receive(c, fd, &part, 1, flags);
}

static ssize_t send_parts(struct connection *c, int fd, const struct iovec *parts, size_t count, int flags)
{
	if (flags & MSG_OOB) {
		unhook(c);
		return fail_with(EOPNOTSUPP);
	}
	struct segments from = segments_of(parts, count);
	ssize_t sent = connection_send(c, fd, &from, flags & (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE));
	unhook(c);
	return sent;
}

static ssize_t send_from(struct connection *c, int fd, const void *from, size_t size, int flags)
{
	struct iovec part = { (void *)(uintptr_t)from, size };
	return send_parts(c, fd, &part, 1, flags);
}

HOOK ssize_t read(int fd, void *to, size_t size)
{
	struct connection *c = hooked(fd);
	return c ? receive_into(c, fd, to, size, 0) : sys->read(fd, to, size);
}

HOOK ssize_t readv(int fd, const struct iovec *parts, int count)
{
	struct connection *c = count >= 0 && count <= IOV_MAX ? hooked(fd) : NULL;
	return c ? receive(c, fd, parts, (size_t)count, 0) : sys->readv(fd, parts, count);
}

HOOK ssize_t recv(int fd, void *to, size_t size, int flags)
{
	struct connection *c = hooked(fd);
	if (c && !size)
		return receive_nothing(c, fd, flags);
	return c ? receive_into(c, fd, to, size, flags) : sys->recv(fd, to, size, flags);
}

/* With DenyUnlisted, datagrams are from nowhere that is listed. */
static bool datagrams_denied(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof domain;
	if (plane.mode == PLANE_OFF || (plane.mode == PLANE_ON && !plane.policy.deny_unlisted) ||
	    sys->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
		return false;
	size = sizeof type;
	return (domain == AF_INET || domain == AF_INET6) &&
	       sys->getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM;
}

HOOK ssize_t recvfrom(int fd, void *restrict to, size_t size, int flags, struct sockaddr *restrict peer,
		      socklen_t *restrict peer_size)
{
	struct connection *c = hooked(fd);
	if (!c && datagrams_denied(fd))
		return fail_with(ECONNREFUSED);
	if (!c)
		return sys->recvfrom(fd, to, size, flags, peer, peer_size);
	if (peer && peer_size)
		*peer_size = 0;
	return receive_into(c, fd, to, size, flags);
}

HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct connection *c = message->msg_iovlen <= IOV_MAX ? hooked(fd) : NULL;
	if (!c && datagrams_denied(fd))
		return fail_with(ECONNREFUSED);
	if (!c) {
		ssize_t got = sys->recvmsg(fd, message, flags);
		if (got >= 0)
			rights_received(message, flags);
		return got;
	}
	message->msg_namelen = 0;
	message->msg_controllen = 0;
	message->msg_flags = 0;
	return receive(c, fd, message->msg_iov, message->msg_iovlen, flags);
}

HOOK int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	struct connection *c = hooked(fd);
	if (!c && datagrams_denied(fd))
		return fail_with(ECONNREFUSED);
	if (!c) {
		int got = sys->recvmmsg(fd, messages, count, flags, timeout);
		for (int i = 0; i < got; i++)
			rights_received(&messages[i].msg_hdr, flags);
		return got;
	}
	connection_put(c);
	unsigned done = 0;
	for (; done < count; done++) {
		bool dont = flags & MSG_DONTWAIT || (done && flags & MSG_WAITFORONE);
		ssize_t got = recvmsg(fd, &messages[done].msg_hdr, dont ? flags | MSG_DONTWAIT : flags);
		if (got <= 0 && (done || got < 0))
			return done ? (int)done : -1;
		messages[done].msg_len = (unsigned)got;
	}
	return (int)done;
}

HOOK ssize_t write(int fd, const void *from, size_t size)
{
	struct connection *c = hooked(fd);
	return c ? send_from(c, fd, from, size, 0) : sys->write(fd, from, size);
}

HOOK ssize_t writev(int fd, const struct iovec *parts, int count)
{
	struct connection *c = count >= 0 && count <= IOV_MAX ? hooked(fd) : NULL;
	return c ? send_parts(c, fd, parts, (size_t)count, 0) : sys->writev(fd, parts, count);
}

HOOK ssize_t send(int fd, const void *from, size_t size, int flags)
{
	struct connection *c = hooked(fd);
	return c ? send_from(c, fd, from, size, flags) : sys->send(fd, from, size, flags);
}

/* A stream that is connected and written to in one call (TCP Fast Open): connected first. */
static int connect_first(int fd, const struct sockaddr *to, socklen_t size, int flags)
{
	if (!(flags & MSG_FASTOPEN) || !to || plane.mode == PLANE_OFF)
		return 0;
	return connect(fd, to, size);
}

HOOK ssize_t sendto(int fd, const void *from, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
	if (connect_first(fd, to, to_size, flags) != 0)
		return -1;
	struct connection *c = hooked(fd);
	if (c)
		return send_from(c, fd, from, size, flags);
	if (datagrams_denied(fd))
		return fail_with(ECONNREFUSED);
	return flags & MSG_FASTOPEN && plane.mode != PLANE_OFF ?
		       sys->send(fd, from, size, flags & ~MSG_FASTOPEN) :
		       sys->sendto(fd, from, size, flags, to, to_size);
}

HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (connect_first(fd, message->msg_name, message->msg_namelen, flags) != 0)
		return -1;
	struct connection *c = message->msg_iovlen <= IOV_MAX ? hooked(fd) : NULL;
	if (c)
		return send_parts(c, fd, message->msg_iov, message->msg_iovlen, flags);
	if (datagrams_denied(fd))
		return fail_with(ECONNREFUSED);
	return rights_send(fd, message, plane.mode == PLANE_OFF ? flags : flags & ~MSG_FASTOPEN);
}

HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (plane.mode == PLANE_OFF)
		return sys->sendmmsg(fd, messages, count, flags);
	unsigned done = 0;
	for (; done < count; done++) {
		ssize_t sent = sendmsg(fd, &messages[done].msg_hdr, flags);
		if (sent < 0)
			return done ? (int)done : -1;
		messages[done].msg_len = (unsigned)sent;
	}
	return (int)done;
}

/* Offset -1 means the stream itself. */
HOOK ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	struct connection *c = offset == -1 && count >= 0 && count <= IOV_MAX ? hooked(fd) : NULL;
	return c ? receive(c, fd, parts, (size_t)count, flags & RWF_NOWAIT ? MSG_DONTWAIT : 0) :
		   sys->preadv2(fd, parts, count, offset, flags);
}

HOOK ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	struct connection *c = offset == -1 && count >= 0 && count <= IOV_MAX ? hooked(fd) : NULL;
	return c ? send_parts(c, fd, parts, (size_t)count, flags & RWF_NOWAIT ? MSG_DONTWAIT : 0) :
		   sys->pwritev2(fd, parts, count, offset, flags);
}

HOOK ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	return preadv2(fd, parts, count, offset, flags);
}

HOOK ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	return pwritev2(fd, parts, count, offset, flags);
}

enum { FILE_CHUNK = 4 * RECORD_PLAIN_MAX };

/* The file's own position moves by what was sent, as sendfile's does. */
static ssize_t send_file(struct connection *c, int fd, int file, off_t *offset, size_t size)
{
	off_t at = offset ? *offset : lseek(file, 0, SEEK_CUR);
	if (at < 0)
		return fail_with(offset || errno == ESPIPE ? EINVAL : errno);
	size_t room = size < FILE_CHUNK ? size : FILE_CHUNK, done = 0;
	uint8_t *chunk = heap_alloc(room);
	ssize_t sent = chunk ? 0 : -1;
	while (sent >= 0 && done < size) {
		size_t want = size - done < room ? size - done : room;
		ssize_t got = sys->pread(file, chunk, want, at);
		if (got <= 0) {
			errno = got < 0 && errno == ESPIPE ? EINVAL : errno; /* as sendfile says it */
			sent = got;
			break;
		}
		struct iovec part = { chunk, (size_t)got };
		struct segments from = segments_of(&part, 1);
		sent = connection_send(c, fd, &from, 0);
		if (sent < 0)
			break;
		at += sent;
		done += (size_t)sent;
		if (sent < got)
			break;
	}
	int kept = errno;
	heap_free(chunk);
	if (offset)
		*offset = at;
	else if (at >= 0)
		(void)!lseek(file, at, SEEK_SET);
	errno = kept;
	return done ? (ssize_t)done : sent < 0 ? -1 : 0;
}

HOOK ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
	struct connection *c = hooked(to);
	if (!c)
		return sys->sendfile(to, from, offset, size);
	ssize_t sent = send_file(c, to, from, offset, size);
	unhook(c);
	return sent;
}

HOOK ssize_t sendfile64(int to, int from, off64_t *offset, size_t size)
{
	return sendfile(to, from, offset, size);
}

/* Programs that can splice can also do without. */
HOOK ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags)
{
	struct connection *c = hooked(from), *d = c ? NULL : hooked(to);
	if (!c && !d)
		return sys->splice(from, from_offset, to, to_offset, size, flags);
	connection_put(c ? c : d);
	return fail_with(EINVAL);
}

/* What programs built with _FORTIFY_SOURCE call. */
void __chk_fail(void) __attribute__((noreturn));
HOOK ssize_t __read_chk(int fd, void *to, size_t size, size_t room);
HOOK ssize_t __recv_chk(int fd, void *to, size_t size, size_t room, int flags);
HOOK ssize_t __recvfrom_chk(int fd, void *to, size_t size, size_t room, int flags, struct sockaddr *peer,
			    socklen_t *peer_size);

ssize_t __read_chk(int fd, void *to, size_t size, size_t room)
{
	if (size > room)
		__chk_fail();
	return read(fd, to, size);
}

ssize_t __recv_chk(int fd, void *to, size_t size, size_t room, int flags)
{
	if (size > room)
		__chk_fail();
	return recv(fd, to, size, flags);
}

ssize_t __recvfrom_chk(int fd, void *to, size_t size, size_t room, int flags, struct sockaddr *peer,
		       socklen_t *peer_size)
{
	if (size > room)
		__chk_fail();
	return recvfrom(fd, to, size, flags, peer, peer_size);
}
