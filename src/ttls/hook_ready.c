/* Waiting for readiness. The kernel's word stands, but for one case: bytes that are no data yet (of a handshake, or a
 * part of a record) would make a socket readable that has nothing to read, which some programs take for an error.
 * Such bytes are taken in here, and the wait goes on. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "ttls/hook.h"

/* How long a wait may still take. */
struct patience {
	uint64_t until_ns;
	bool endless;
};

static struct patience patience_of(int64_t ns)
{
	return (struct patience){ .until_ns = ns > 0 ? now_ns() + (uint64_t)ns : 0, .endless = ns < 0 };
}

static int64_t left_ns(const struct patience *p)
{
	if (p->endless)
		return -1;
	uint64_t now = p->until_ns ? now_ns() : 0;
	return now >= p->until_ns ? 0 : (int64_t)(p->until_ns - now);
}

static int left_ms(const struct patience *p)
{
	int64_t left = left_ns(p);
	return left < 0 ? -1 : (int)((left + 999999) / 1000000);
}

/* Not ours, or there is something to read, or to fail with. */
static bool is_really_readable(int fd)
{
	struct connection *c = hooked(fd);
	if (!c)
		return true;
	bool readable = connection_settle(c, fd);
	unhook(c);
	return readable;
}

static bool nothing_to_do(void)
{
	return plane.mode != PLANE_ON || !connection_count();
}

/* poll */

static int filter_poll(struct pollfd *fds, nfds_t count, int ready)
{
	const short read = POLLIN | POLLRDNORM;
	for (nfds_t i = 0; i < count; i++) {
		if (!(fds[i].revents & read) || fds[i].revents & (POLLERR | POLLHUP | POLLRDHUP) ||
		    is_really_readable(fds[i].fd))
			continue;
		fds[i].revents &= (short)~read;
		ready -= !fds[i].revents;
	}
	return ready;
}

HOOK int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (nothing_to_do())
		return sys->poll(fds, count, timeout);
	struct patience p = patience_of(timeout * (int64_t)1000000);
	for (;;) {
		int ready = sys->poll(fds, count, left_ms(&p));
		if (ready <= 0 || (ready = filter_poll(fds, count, ready)) > 0 || !left_ns(&p))
			return ready;
	}
}

static struct timespec *left_time(const struct patience *p, struct timespec *ret)
{
	int64_t left = left_ns(p);
	*ret = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
	return left < 0 ? NULL : ret;
}

static int64_t ns_of(const struct timespec *timeout)
{
	return timeout ? timeout->tv_sec * (int64_t)1000000000 + timeout->tv_nsec : -1;
}

HOOK int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	struct timespec left;
	if (nothing_to_do())
		return sys->ppoll(fds, count, timeout, mask);
	struct patience p = patience_of(ns_of(timeout));
	for (;;) {
		int ready = sys->ppoll(fds, count, left_time(&p, &left), mask);
		if (ready <= 0 || (ready = filter_poll(fds, count, ready)) > 0 || !left_ns(&p))
			return ready;
	}
}

HOOK int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
HOOK int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
		     size_t room);
void __chk_fail(void) __attribute__((noreturn));

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	if (room / sizeof *fds < count)
		__chk_fail();
	return poll(fds, count, timeout);
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask, size_t room)
{
	if (room / sizeof *fds < count)
		__chk_fail();
	return ppoll(fds, count, timeout, mask);
}

/* select: its sets may be larger than fd_set */

static size_t words_of(int count)
{
	return ((size_t)count + NFDBITS - 1) / NFDBITS;
}

static int filter_select(int count, fd_set *read, int ready)
{
	for (int fd = 0; read && fd < count; fd++) {
		fd_mask *word = &((fd_mask *)read)[fd / NFDBITS], bit = (fd_mask)(1UL << (fd % NFDBITS));
		if (!(*word & bit) || is_really_readable(fd))
			continue;
		*word &= ~bit;
		ready--;
	}
	return ready;
}

static void copy_set(fd_set *to, const fd_mask *from, int count)
{
	if (to)
		memcpy(to, from, words_of(count) * sizeof(fd_mask));
}

/* The three sets, as they were asked for. */
static bool keep_sets(int count, fd_set *const sets[3], fd_mask **ret)
{
	size_t words = words_of(count);
	*ret = calloc(3 * words + 1, sizeof(fd_mask));
	for (int i = 0; *ret && i < 3; i++)
		if (sets[i])
			memcpy(*ret + (size_t)i * words, sets[i], words * sizeof(fd_mask));
	return *ret != NULL;
}

static int select_within(int count, fd_set *const sets[3], struct patience *p, const sigset_t *mask)
{
	fd_mask *asked;
	struct timespec left;
	int ready;
	if (!keep_sets(count, sets, &asked))
		return fail_with(ENOMEM);
	for (;;) {
		ready = sys->pselect(count, sets[0], sets[1], sets[2], left_time(p, &left), mask);
		if (ready <= 0 || (ready = filter_select(count, sets[0], ready)) > 0 || !left_ns(p))
			break;
		for (int i = 0; i < 3; i++)
			copy_set(sets[i], asked + (size_t)i * words_of(count), count);
	}
	int kept = errno;
	free(asked);
	errno = kept;
	return ready;
}

HOOK int select(int count, fd_set *restrict read, fd_set *restrict write, fd_set *restrict except,
		struct timeval *restrict timeout)
{
	if (nothing_to_do() || count < 0)
		return sys->select(count, read, write, except, timeout);
	fd_set *const sets[] = { read, write, except };
	struct patience p = patience_of(timeout ? timeout->tv_sec * (int64_t)1000000000 + timeout->tv_usec * 1000 : -1);
	int ready = select_within(count, sets, &p, NULL);
	int64_t left = left_ns(&p);
	if (timeout && left >= 0) /* as Linux does */
		*timeout = (struct timeval){ .tv_sec = left / 1000000000, .tv_usec = left % 1000000000 / 1000 };
	return ready;
}

HOOK int pselect(int count, fd_set *restrict read, fd_set *restrict write, fd_set *restrict except,
		 const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
	if (nothing_to_do() || count < 0)
		return sys->pselect(count, read, write, except, timeout, mask);
	fd_set *const sets[] = { read, write, except };
	struct patience p = patience_of(ns_of(timeout));
	return select_within(count, sets, &p, mask);
}

/* epoll: an event carries what the program wants to be reminded of, most often the descriptor. */

enum { REGISTERED_MAX = 1 << 20, PAGE = 1024 };

struct registration {
	int epoll;
	struct epoll_event event;
};
static struct registration *_Atomic pages[REGISTERED_MAX / PAGE];

static struct registration *registration_of(int fd, bool make)
{
	if (fd < 0 || fd >= REGISTERED_MAX)
		return NULL;
	struct registration *page = pages[fd / PAGE], *none = NULL;
	if (!page && make) {
		page = calloc(PAGE, sizeof *page);
		if (page && !atomic_compare_exchange_strong(&pages[fd / PAGE], &none, page)) {
			free(page);
			page = pages[fd / PAGE];
		}
	}
	return page ? &page[fd % PAGE] : NULL;
}

HOOK int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	struct registration *r = plane.mode == PLANE_ON && event && operation != EPOLL_CTL_DEL &&
						 event->data.fd == fd ? registration_of(fd, true) : NULL;
	if (r)
		*r = (struct registration){ epoll, *event };
	return sys->epoll_ctl(epoll, operation, fd, event);
}

/* An event that is not passed on must come again. */
static void rearm(int epoll, int fd, struct registration *r)
{
	if (r->event.events & EPOLLONESHOT)
		sys->epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &r->event);
}

static int filter_epoll(int epoll, struct epoll_event *events, int ready)
{
	int kept = 0;
	for (int i = 0; i < ready; i++) {
		struct epoll_event event = events[i];
		struct registration *r = registration_of(event.data.fd, false);
		bool ours = event.events & EPOLLIN && !(event.events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) && r &&
			    r->epoll == epoll && r->event.data.u64 == event.data.u64;
		if (ours && !is_really_readable(event.data.fd)) {
			event.events &= ~(uint32_t)(EPOLLIN | EPOLLRDNORM);
			if (!event.events)
				rearm(epoll, event.data.fd, r);
		}
		if (event.events)
			events[kept++] = event;
	}
	return kept;
}

HOOK int epoll_pwait(int epoll, struct epoll_event *events, int room, int timeout, const sigset_t *mask)
{
	if (nothing_to_do())
		return sys->epoll_pwait(epoll, events, room, timeout, mask);
	struct patience p = patience_of(timeout * (int64_t)1000000);
	for (;;) {
		int ready = sys->epoll_pwait(epoll, events, room, left_ms(&p), mask);
		if (ready <= 0 || (ready = filter_epoll(epoll, events, ready)) > 0 || !left_ns(&p))
			return ready;
	}
}

HOOK int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
	return nothing_to_do() ? sys->epoll_wait(epoll, events, room, timeout) :
				 epoll_pwait(epoll, events, room, timeout, NULL);
}

HOOK int epoll_pwait2(int epoll, struct epoll_event *events, int room, const struct timespec *timeout,
		      const sigset_t *mask)
{
	struct timespec left;
	if (nothing_to_do())
		return sys->epoll_pwait2(epoll, events, room, timeout, mask);
	struct patience p = patience_of(ns_of(timeout));
	for (;;) {
		int ready = sys->epoll_pwait2(epoll, events, room, left_time(&p, &left), mask);
		if (ready <= 0 || (ready = filter_epoll(epoll, events, ready)) > 0 || !left_ns(&p))
			return ready;
	}
}
