/* Sockets on their way to be connections: connect, accept, and what refuses to be one. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "ttls/count.h"
#include "ttls/hook.h"
#include "ttls/rules.h"

static bool is_internet(int family)
{
	return family == AF_INET || family == AF_INET6;
}

static int type_of(int fd)
{
	int type = 0;
	socklen_t size = sizeof type;
	return sys->getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? type : 0;
}

static bool under_way(int failure)
{
	return failure == EINPROGRESS || failure == EALREADY || failure == EINTR || failure == EAGAIN;
}

static int connect_tls(int fd, const struct sockaddr *to, socklen_t size, struct plane_rule *rule)
{
	struct connection *c = connection_of(fd);
	if (!c) {
		if (!connection_attach(fd, rule, PHASE_CONNECTING, false) || !(c = connection_of(fd)))
			return fail_with(ENOBUFS);
	}
	int result = sys->connect(fd, to, size), failure = result ? errno : 0;
	if (!failure || failure == EISCONN)
		(void)connection_ready_wait(c, fd, false); /* the first flight leaves now */
	else if (!under_way(failure))
		connection_detach(fd);
	connection_put(c);
	return failure ? fail_with(failure) : 0;
}

HOOK int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	struct plane_rule *rule;
	enum refusal why;
	if (plane.mode == PLANE_OFF || !to || size < sizeof to->sa_family)
		return sys->connect(fd, to, size);
	if (to->sa_family == AF_UNSPEC && own_process())
		connection_detach(fd);
	int type = is_internet(to->sa_family) ? type_of(fd) : 0;
	if (!type)
		return sys->connect(fd, to, size);
	if (plane.mode == PLANE_BROKEN)
		return fail_with(ECONNREFUSED);
	if (type != SOCK_STREAM && !plane.policy.deny_unlisted)
		return sys->connect(fd, to, size);
	if (type != SOCK_STREAM) {
		count_unlisted(fd, true, to, size, REFUSED_UNLISTED);
		return fail_with(ECONNREFUSED);
	}
	switch (rules_outgoing(to, size, &rule, &why)) {
	case VERDICT_TLS:
		return connect_tls(fd, to, size, rule);
	case VERDICT_REFUSE:
		count_unlisted(fd, true, to, size, why);
		return fail_with(ECONNREFUSED);
	default:
		return sys->connect(fd, to, size);
	}
}

/* 0: it may be given to the program. */
static int judge_accepted(int fd)
{
	struct sockaddr_storage own, peer = { 0 };
	struct plane_rule *rule;
	socklen_t size = sizeof own;
	if (sys->getsockname(fd, (struct sockaddr *)&own, &size) != 0 || !is_internet(own.ss_family))
		return 0;
	if (plane.mode == PLANE_BROKEN)
		return ECONNABORTED;
	switch (rules_incoming(port_of((struct sockaddr *)&own), &rule)) {
	case VERDICT_TLS:
		return connection_attach(fd, rule, PHASE_HANDSHAKE, true) ? 0 : ENOBUFS;
	case VERDICT_REFUSE:
		size = sizeof peer;
		if (sys->getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
			count_unlisted(fd, false, (struct sockaddr *)&peer, size, REFUSED_UNLISTED);
		return ECONNABORTED;
	default:
		return 0;
	}
}

/* One that is refused was never there: the next one is waited for. */
static int accept_judged(int fd, struct sockaddr *peer, socklen_t *size, int flags)
{
	socklen_t room = size ? *size : 0;
	for (;;) {
		if (size)
			*size = room;
		int accepted = sys->accept4(fd, peer, size, flags);
		if (accepted < 0 || plane.mode == PLANE_OFF)
			return accepted;
		int kept = errno, failure = judge_accepted(accepted);
		connection_expire_silent();
		errno = kept;
		if (!failure)
			return accepted;
		sys->close(accepted);
		if (failure != ECONNABORTED)
			return fail_with(failure);
	}
}

HOOK int accept(int fd, struct sockaddr *restrict peer, socklen_t *restrict size)
{
	return plane.mode == PLANE_OFF ? sys->accept(fd, peer, size) : accept_judged(fd, peer, size, 0);
}

HOOK int accept4(int fd, struct sockaddr *restrict peer, socklen_t *restrict size, int flags)
{
	return accept_judged(fd, peer, size, flags);
}

static bool denied_address(int fd, const struct sockaddr *address, socklen_t size)
{
	struct plane_rule *rule;
	if (plane.mode == PLANE_OFF || !address || size < sizeof address->sa_family ||
	    !is_internet(address->sa_family))
		return false;
	if (plane.mode == PLANE_BROKEN)
		return true;
	return plane.policy.deny_unlisted && port_of(address) && type_of(fd) == SOCK_STREAM &&
	       rules_incoming(port_of(address), &rule) == VERDICT_REFUSE;
}

HOOK int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	/* A client may bind an address; a port is a server's. */
	return denied_address(fd, address, size) ? fail_with(EACCES) : sys->bind(fd, address, size);
}

HOOK int listen(int fd, int backlog)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof own;
	if (plane.mode != PLANE_OFF && sys->getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
	    denied_address(fd, (struct sockaddr *)&own, size))
		return fail_with(EACCES);
	return sys->listen(fd, backlog);
}

/* Raw sockets see everything. */
HOOK int socket(int family, int type, int protocol)
{
	bool raw = family == AF_PACKET || (is_internet(family) && (type & 0xf) == SOCK_RAW);
	if (raw && (plane.mode == PLANE_BROKEN || (plane.mode == PLANE_ON && plane.policy.deny_unlisted)))
		return fail_with(EPERM);
	return sys->socket(family, type, protocol);
}

HOOK int shutdown(int fd, int how)
{
	struct connection *c = hooked(fd);
	if (!c)
		return sys->shutdown(fd, how);
	int result = connection_shutdown(c, fd, how);
	unhook(c);
	return result;
}

/* Programs that connect without waiting ask this way whether they are connected: the first flight leaves here. A
 * server's handshake begins with its first read, which may be that of another program after exec. */
static void at_gate(struct connection *c, int fd)
{
	int kept = errno;
	if (c->shared->server)
		return;
	if (c->shared->phase == PHASE_CONNECTING || c->shared->phase == PHASE_HANDSHAKE)
		(void)connection_ready_wait(c, fd, false);
	errno = kept;
}

HOOK int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
	int result = sys->getsockopt(fd, level, name, value, size);
	struct connection *c = level == SOL_SOCKET && name == SO_ERROR && !result ? hooked(fd) : NULL;
	if (!c)
		return result;
	if (*size == sizeof(int) && !*(int *)value) {
		at_gate(c, fd);
		if (c->shared->phase == PHASE_FAILED && !c->shared->reported)
			*(int *)value = c->shared->failure;
		c->shared->reported |= c->shared->phase == PHASE_FAILED;
	}
	unhook(c);
	return result;
}

HOOK int getpeername(int fd, struct sockaddr *restrict peer, socklen_t *restrict size)
{
	struct connection *c = hooked(fd);
	int result = sys->getpeername(fd, peer, size);
	if (c && !result)
		at_gate(c, fd);
	if (c)
		unhook(c);
	return result;
}

HOOK int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	struct connection *c = hooked(fd);
	if (!c)
		return sys->setsockopt(fd, level, name, value, size);
	connection_put(c);
	if (level == SOL_SOCKET && name == SO_RCVLOWAT)
		return 0; /* it would count sealed bytes */
	if ((level == SOL_SOCKET && name == SO_ZEROCOPY) || (level == IPPROTO_TCP && name == TCP_ULP))
		return fail_with(ENOPROTOOPT); /* these would bypass us */
	return sys->setsockopt(fd, level, name, value, size);
}

HOOK int ioctl(int fd, unsigned long request, ...)
{
	va_list more;
	va_start(more, request);
	void *argument = va_arg(more, void *);
	va_end(more);
	struct connection *c = request == FIONREAD ? hooked(fd) : NULL;
	if (!c)
		return sys->ioctl(fd, request, argument);
	*(int *)argument = (int)connection_readable(c, fd);
	unhook(c);
	return 0;
}
