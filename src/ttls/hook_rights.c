/* Connections that one process gives to another in a message (SCM_RIGHTS).
 *
 * To whom a message goes can't be known, and outside the marble a connection would be a socket in the clear. So what
 * goes in its place is a stand-in: one end of a pair of UNIX sockets whose other end is closed, with the connection in
 * its queue. A process of the marble takes it out. For everybody else it is a connection that was reset. */
#include "ttls/hook_rights.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/un.h>

#include "ttls/hook.h"

enum { DESCRIPTORS_MAX = 253 }; /* of a message, as the kernel has it (SCM_MAX_FD) */

/* Goes through the descriptors of a message. */
struct walk {
	struct cmsghdr *part;
	size_t at; /* in the part */
};

static struct walk walk_of(struct msghdr *message)
{
	return (struct walk){ CMSG_FIRSTHDR(message), CMSG_LEN(0) };
}

/* Where the next one is; NULL at the end. */
static uint8_t *next_descriptor(struct msghdr *message, struct walk *w, int *ret)
{
	const uint8_t *end = (uint8_t *)message->msg_control + message->msg_controllen;
	for (; w->part; *w = (struct walk){ CMSG_NXTHDR(message, w->part), CMSG_LEN(0) }) {
		uint8_t *place = (uint8_t *)w->part + w->at;
		if (w->part->cmsg_level != SOL_SOCKET || w->part->cmsg_type != SCM_RIGHTS ||
		    w->at + sizeof *ret > w->part->cmsg_len || place + sizeof *ret > end)
			continue;
		w->at += sizeof *ret;
		memcpy(ret, place, sizeof *ret);
		return place;
	}
	return NULL;
}

/* The name by which a stand-in is known: no other socket can have it. 0: it has none. */
static socklen_t name_of(int fd, struct sockaddr_un *ret)
{
	uint64_t cookie;
	if (!socket_cookie(fd, &cookie))
		return 0;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int size = snprintf(ret->sun_path + 1, sizeof ret->sun_path - 1, "marblerun data plane %016" PRIx64, cookie);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

static bool is_stand_in(int fd)
{
	struct sockaddr_un name, expected;
	socklen_t size = sizeof name;
	return sys->getsockname(fd, (struct sockaddr *)&name, &size) == 0 && name.sun_family == AF_UNIX &&
	       size > offsetof(struct sockaddr_un, sun_path) && size == name_of(fd, &expected) &&
	       memcmp(&name, &expected, size) == 0;
}

union one_descriptor {
	struct cmsghdr part;
	char space[CMSG_SPACE(sizeof(int))];
};

static bool put_into(int queue, int fd)
{
	union one_descriptor control = { .part = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(sizeof fd) } };
	struct iovec nothing = { 0 };
	const struct msghdr message = { .msg_iov = &nothing, .msg_iovlen = 1, .msg_control = &control,
					.msg_controllen = sizeof control };
	memcpy(CMSG_DATA(&control.part), &fd, sizeof fd);
	return sys->sendmsg(queue, &message, MSG_NOSIGNAL) == 0;
}

static int take_from(int queue, int flags)
{
	union one_descriptor control;
	struct iovec nothing = { 0 };
	struct msghdr message = { .msg_iov = &nothing, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof control };
	int reset, fd = -1;
	socklen_t size = sizeof reset;
	sys->getsockopt(queue, SOL_SOCKET, SO_ERROR, &reset, &size); /* what others would be told first */
	if (sys->recvmsg(queue, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == 0 && message.msg_controllen) {
		struct walk w = walk_of(&message);
		(void)next_descriptor(&message, &w, &fd);
	}
	return fd;
}

static int make_stand_in(int fd)
{
	int ends[2];
	struct sockaddr_un name;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	socklen_t size = name_of(ends[0], &name);
	bool made = size && sys->bind(ends[0], (struct sockaddr *)&name, size) == 0 && put_into(ends[1], fd) &&
		    sys->send(ends[0], "", 1, MSG_NOSIGNAL) == 1;
	int kept = errno;
	sys->close(ends[1]); /* with something unread: that makes it a reset */
	if (made)
		return ends[0];
	sys->close(ends[0]);
	return fail_with(kept);
}

/* What only this process knows can't go with it: a handshake that has begun, the rest of a record. 0 when there is
 * nothing of that kind, or no more; EAGAIN when it has to be waited for. */
static int finish_own_part(struct connection *c, int fd)
{
	if (c->shared->phase == PHASE_HANDSHAKE && !c->ssl && !c->shared->handshake_steps)
		return 0;
	int failed = connection_ready(c, fd, 0, SO_SNDTIMEO);
	if (failed || !shared_lock(&c->shared->send_lock))
		return c->shared->phase == PHASE_FAILED ? 0 : failed; /* a failure may go */
	failed = send_rest(c, fd, MSG_NOSIGNAL);
	shared_unlock(&c->shared->send_lock);
	return failed == EAGAIN || failed == EINTR ? failed : 0;
}

struct given {
	struct connection *connections[DESCRIPTORS_MAX];
	int stand_ins[DESCRIPTORS_MAX];
	size_t count;
};

/* As a child that is about to hold it: until it is taken out, nobody says goodbye. */
static bool give(struct given *g, struct connection *c, int fd)
{
	int failed = g->count < DESCRIPTORS_MAX ? finish_own_part(c, fd) : EINVAL;
	int stand_in = failed ? fail_with(failed) : make_stand_in(fd);
	if (stand_in < 0) {
		connection_put(c);
		return false;
	}
	c->shared->forks++;
	g->connections[g->count] = c;
	g->stand_ins[g->count++] = stand_in;
	return true;
}

/* False: errno says why. */
static bool replace(struct msghdr *message, struct given *g)
{
	int fd;
	struct walk w = walk_of(message);
	for (uint8_t *place; (place = next_descriptor(message, &w, &fd));) {
		struct connection *c = connection_of(fd);
		if (c && !give(g, c, fd))
			return false;
		if (c)
			memcpy(place, &g->stand_ins[g->count - 1], sizeof fd);
	}
	return true;
}

static void settle_given(struct given *g, bool sent)
{
	for (size_t i = 0; i < g->count; i++) {
		sys->close(g->stand_ins[i]);
		if (sent)
			g->connections[i]->given = true;
		else
			g->connections[i]->shared->forks--;
		connection_put(g->connections[i]);
	}
}

static bool has_connection(struct msghdr *message)
{
	int fd;
	struct walk w = walk_of(message);
	while (next_descriptor(message, &w, &fd)) {
		struct connection *c = connection_of(fd);
		if (!c)
			continue;
		connection_put(c);
		return true;
	}
	return false;
}

ssize_t rights_send(int fd, const struct msghdr *message, int flags)
{
	struct msghdr copy = *message;
	struct given given = { .count = 0 };
	ssize_t sent = -1;
	if (plane.mode != PLANE_ON || !message->msg_controllen || !has_connection(&copy))
		return sys->sendmsg(fd, message, flags);
	copy.msg_control = malloc(message->msg_controllen);
	if (!copy.msg_control)
		return fail_with(ENOMEM);
	memcpy(copy.msg_control, message->msg_control, message->msg_controllen);
	if (replace(&copy, &given))
		sent = sys->sendmsg(fd, &copy, flags);
	int kept = errno;
	settle_given(&given, sent >= 0);
	free(copy.msg_control);
	errno = kept;
	return sent;
}

/* The connection in its place, if it is one of this marble. */
static void take_out(int stand_in, int flags)
{
	int fd = take_from(stand_in, flags & MSG_PEEK), on_exec = sys->fcntl(stand_in, F_GETFD) & FD_CLOEXEC;
	if (fd < 0)
		return;
	if (connection_adopt(fd)) {
		struct connection *c = connection_of(fd);
		if (!(flags & MSG_PEEK))
			c->shared->forks--;
		if (sys->dup3(fd, stand_in, on_exec ? O_CLOEXEC : 0) >= 0)
			connection_copy(c, stand_in);
		connection_put(c);
		connection_detach(fd);
	}
	sys->close(fd);
}

void rights_received(struct msghdr *message, int flags)
{
	int fd, kept = errno;
	struct walk w = walk_of(message);
	if (plane.mode != PLANE_ON || !message->msg_controllen || !own_process())
		return;
	while (next_descriptor(message, &w, &fd))
		if (is_stand_in(fd))
			take_out(fd, flags);
		else
			connection_adopt(fd);
	connection_expire_silent(); /* who is given all its connections accepts none */
	errno = kept;
}
