#include "ttls/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "ttls/count.h"
#include "ttls/heap.h"
#include "ttls/plane.h"
#include "ttls/resumption.h"
#include "ttls/system.h"

enum { PAGE = 1024, PAGES = 1024, GOODBYE_SECONDS = 30, EXIT_SECONDS = 5, LINGERING_MAX = 256 };

typedef struct connection *_Atomic place;
static place *_Atomic pages[PAGES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the spare ones and of new pages */
static struct connection *spare;
static _Atomic unsigned lingering, in_use;

static place *place_of(int fd)
{
	if (fd < 0 || fd >= PAGE * PAGES)
		return NULL;
	place *page = atomic_load_explicit(&pages[fd / PAGE], memory_order_acquire);
	return page ? &page[fd % PAGE] : NULL;
}

static place *new_place_of(int fd)
{
	if (fd < 0 || fd >= PAGE * PAGES)
		return NULL;
	if (!place_of(fd)) {
		place *page = calloc(PAGE, sizeof *page), *none = NULL;
		if (page && !atomic_compare_exchange_strong(&pages[fd / PAGE], &none, page))
			free(page);
	}
	return place_of(fd);
}

/* The memory of connections is never given back, only used again: so a reference may be tried on a pointer that
 * somebody else is just giving up. */
struct connection *connection_of(int fd)
{
	place *p = place_of(fd);
	struct connection *c = p ? atomic_load_explicit(p, memory_order_acquire) : NULL;
	while (c) {
		unsigned references = c->references;
		while (references && !atomic_compare_exchange_weak(&c->references, &references, references + 1))
			;
		if (references && atomic_load(p) == c)
			return c;
		if (references)
			connection_put(c);
		c = atomic_load(p);
	}
	return NULL;
}

static struct connection *take_spare(void)
{
	pthread_mutex_lock(&lock);
	struct connection *c = spare;
	if (c)
		spare = c->next;
	pthread_mutex_unlock(&lock);
	if (!c && (c = heap_alloc(sizeof *c))) /* there are keys in it */
		memset(c, 0, sizeof *c);
	return c;
}

static void give_back(struct connection *c)
{
	handshake_free(c);
	resumption_forget(c);
	record_keys_free(&c->opening);
	record_keys_free(&c->sealing);
	heap_free(c->plain);
	heap_free(c->rest);
	memset(c, 0, sizeof *c);
	pthread_mutex_lock(&lock);
	c->next = spare;
	spare = c;
	pthread_mutex_unlock(&lock);
}

void connection_put(struct connection *c)
{
	unsigned left = atomic_fetch_sub(&c->references, 1) - 1;
	if (left)
		return;
	if (c->shared && shared_release(c->shared, plane.process)) {
		count_closed(c->shared);
		shared_remove(plane.region, c->shared);
	}
	give_back(c);
}

bool socket_cookie(int fd, uint64_t *ret)
{
	socklen_t size = sizeof *ret;
	return sys->getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret, &size) == 0;
}

unsigned connection_count(void)
{
	return atomic_load_explicit(&in_use, memory_order_relaxed);
}

static bool enter(int fd, struct connection *c)
{
	place *p = new_place_of(fd);
	if (!p)
		return false;
	c->descriptors++;
	in_use++;
	atomic_store_explicit(p, c, memory_order_release);
	return true;
}

bool connection_attach(int fd, struct plane_rule *rule, enum connection_phase phase, bool server)
{
	uint64_t cookie;
	struct connection *c = take_spare();
	if (!c || !socket_cookie(fd, &cookie)) {
		if (c)
			give_back(c);
		return false;
	}
	*c = (struct connection){ .rule = rule, .began_ns = now_ns() };
	c->connected_ns = server ? c->began_ns : 0;
	c->shared = shared_add(plane.region, cookie);
	c->references = 1;
	if (!c->shared || !enter(fd, c)) {
		connection_put(c);
		return false;
	}
	c->shared->server = server;
	c->shared->rule = (uint16_t)(rule - plane.policy.rules);
	c->shared->phase = phase;
	return true;
}

struct connection *connection_with(const struct shared_connection *shared)
{
	for (int page = 0; page < PAGES; page++) {
		place *places = pages[page];
		for (int i = 0; places && i < PAGE; i++) {
			struct connection *c = places[i];
			if (c && c->shared == shared)
				return c;
		}
	}
	return NULL;
}

bool connection_adopt(int fd)
{
	uint64_t cookie;
	struct shared_connection *shared = socket_cookie(fd, &cookie) ? shared_find(plane.region, cookie) : NULL;
	if (!shared || shared->rule >= plane.policy.rule_count)
		return false;
	struct connection *c = connection_with(shared);
	if (c) {
		connection_copy(c, fd);
		return true;
	}
	c = take_spare();
	if (!c)
		return false;
	*c = (struct connection){ .rule = &plane.policy.rules[shared->rule], .shared = shared,
				  .began_ns = now_ns(), .references = 1 };
	shared_hold(shared, plane.process);
	count_holder(shared);
	if (enter(fd, c))
		return true;
	connection_put(c);
	return false;
}

void connection_copy(struct connection *c, int copy)
{
	atomic_fetch_add(&c->references, 1);
	if (!enter(copy, c)) {
		sys->close(copy); /* better none than one in the clear */
		connection_put(c);
	}
}

void connection_each(void (*call)(int fd, struct connection *c))
{
	for (int page = 0; page < PAGES; page++) {
		place *places = pages[page];
		for (int i = 0; places && i < PAGE; i++) {
			struct connection *c = places[i] ? connection_of(page * PAGE + i) : NULL;
			if (!c)
				continue;
			call(page * PAGE + i, c);
			connection_put(c);
		}
	}
}

/* Goodbyes */

/* What must reach the peer before the socket closes. EAGAIN: not yet. */
static int finish(struct connection *c, int fd, bool wait)
{
	static const uint8_t close_notify[] = { 1, 0 };
	int failed = connection_ready_wait(c, fd, wait);
	if (failed)
		return failed;
	if (!shared_lock(&c->shared->send_lock))
		return EIO;
	failed = send_rest(c, fd, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!failed && !c->shared->send.over)
		failed = send_control(c, fd, RECORD_ALERT, close_notify, sizeof close_notify);
	if (!failed)
		c->shared->send.over = true;
	if (!failed && c->shared->rest_id) /* the kernel has taken the goodbye in part */
		failed = EAGAIN;
	shared_unlock(&c->shared->send_lock);
	return failed;
}

/* The kernel takes these few bytes long before it says that there is room again. */
static void finish_within(struct connection *c, int fd, unsigned seconds)
{
	const uint64_t pause = 20 * 1000000, until = now_ns() + seconds * (uint64_t)1000000000;
	while (finish(c, fd, true) == EAGAIN && now_ns() < until) {
		int failed = descriptor_wait(fd, POLLOUT, now_ns() + pause);
		if (failed && failed != ETIMEDOUT && failed != EINTR)
			return;
	}
}

struct late {
	struct connection *connection;
	int fd, then_shut;
};

static void *finish_late(void *context)
{
	struct late late = *(struct late *)context;
	free(context);
	finish_within(late.connection, late.fd, GOODBYE_SECONDS);
	if (late.then_shut >= 0)
		sys->shutdown(late.fd, late.then_shut);
	sys->close(late.fd);
	connection_put(late.connection);
	lingering--;
	return NULL;
}

/* As the kernel does for data that a closed socket has still to send: aside. */
static bool linger(struct connection *c, int fd, int then_shut)
{
	pthread_t thread;
	pthread_attr_t attributes;
	sigset_t all, before;
	if (lingering++ >= LINGERING_MAX) {
		lingering--;
		return false;
	}
	struct late *late = calloc(1, sizeof *late);
	int copy = sys->fcntl(fd, F_DUPFD_CLOEXEC, 3);
	bool started = late && copy >= 0;
	if (started) {
		*late = (struct late){ c, copy, then_shut };
		atomic_fetch_add(&c->references, 1);
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		pthread_attr_init(&attributes);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		started = pthread_create(&thread, &attributes, finish_late, late) == 0;
		pthread_attr_destroy(&attributes);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (!started)
			connection_put(c);
	}
	if (!started) {
		lingering--;
		free(late);
		if (copy >= 0)
			sys->close(copy);
	}
	return started;
}

static bool aborts(int fd)
{
	struct linger option = { 0 };
	socklen_t size = sizeof option;
	return sys->getsockopt(fd, SOL_SOCKET, SO_LINGER, &option, &size) == 0 && option.l_onoff &&
	       !option.l_linger;
}

/* An unread alert would make the kernel answer with a reset, which takes from the peer what it has not read yet. Unread
 * data does just that, as without TLS. */
static bool left_data_unread(struct connection *c, int fd)
{
	char byte;
	if (c->shared->phase != PHASE_ESTABLISHED || pthread_mutex_trylock(&c->shared->receive_lock) != 0)
		return false;
	receive_alert(c, fd);
	shared_unlock(&c->shared->receive_lock);
	return !c->shared->receive.over && sys->recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void goodbye(struct connection *c, int fd)
{
	uint32_t phase = c->shared->phase;
	if (phase == PHASE_FAILED || aborts(fd) || (phase != PHASE_ESTABLISHED && !c->early_size) ||
	    left_data_unread(c, fd))
		return;
	if (finish(c, fd, false) == EAGAIN)
		linger(c, fd, -1);
}

void connection_detach(int fd)
{
	place *p = place_of(fd);
	struct connection *c = p ? atomic_exchange(p, NULL) : NULL;
	if (!c)
		return;
	in_use--;
	if (atomic_fetch_sub(&c->descriptors, 1) == 1 && shared_release(c->shared, plane.process))
		goodbye(c, fd);
	count_holder(c->shared);
	connection_put(c);
}

static void detach_at_exit(int fd, struct connection *c)
{
	if (c->shared->phase == PHASE_FAILED || c->descriptors > 1) {
		connection_detach(fd);
		return;
	}
	if (shared_release(c->shared, plane.process) && (c->shared->phase == PHASE_ESTABLISHED || c->early_size))
		finish_within(c, fd, EXIT_SECONDS);
	place *p = place_of(fd);
	if (p && atomic_exchange(p, NULL))
		connection_put(c);
}

void connection_detach_all(void)
{
	uint64_t until = now_ns() + EXIT_SECONDS * (uint64_t)1000000000;
	connection_each(detach_at_exit);
	while (lingering && now_ns() < until)
		sys->poll(NULL, 0, 5);
}

/* A socket that is shut for reading says the end to those who wait for a handshake, too: so that waits until then. */
static int shut_reading(struct connection *c, int fd)
{
	if (c->shared->phase == PHASE_HANDSHAKE && connection_ready_wait(c, fd, false) == EAGAIN)
		return 0;
	return sys->shutdown(fd, SHUT_RD);
}

int connection_shutdown(struct connection *c, int fd, int how)
{
	if (c->shared->phase == PHASE_CONNECTING) /* TCP's may be there by now */
		(void)connection_ready_wait(c, fd, false);
	uint32_t phase = c->shared->phase;
	bool given_up = how == SHUT_RDWR && phase == PHASE_HANDSHAKE && !c->early_size;
	c->shared->read_shut |= how == SHUT_RD || how == SHUT_RDWR;
	if (how == SHUT_RD)
		return shut_reading(c, fd);
	if ((how != SHUT_WR && how != SHUT_RDWR) || given_up || phase == PHASE_FAILED || phase == PHASE_CONNECTING)
		return sys->shutdown(fd, how);
	bool said = c->shared->send.over;
	c->shared->write_shut = true;
	int failed = finish(c, fd, false); /* as TCP's, it never waits */
	if (failed == EAGAIN && linger(c, fd, how))
		return how == SHUT_RDWR ? sys->shutdown(fd, SHUT_RD) : 0;
	int result = sys->shutdown(fd, how);
	return !failed && !said && result && errno == ENOTCONN ? 0 : result; /* our goodbye met a peer who had left */
}

/* For the files of this room */

int connection_fail(struct connection *c, int fd, int failure)
{
	c->shared->failure = failure;
	c->shared->phase = PHASE_FAILED;
	sys->shutdown(fd, SHUT_RDWR); /* first: a thread that is sending just now must not do so with keys of zeros */
	explicit_bzero(&c->shared->receive, sizeof c->shared->receive);
	explicit_bzero(&c->shared->send, sizeof c->shared->send);
	explicit_bzero(shared_secrets(plane.region, c->shared), sizeof(struct shared_secrets));
	return failure;
}

bool direction_keys(struct connection *c, struct shared_direction *direction, bool sealing)
{
	struct record_keys *keys = sealing ? &c->sealing : &c->opening;
	uint32_t *generation = sealing ? &c->sealing_generation : &c->opening_generation;
	if (keys->context && *generation == direction->generation)
		return true;
	const struct cipher_suite *suite = cipher_suite_of(c->shared->suite);
	const struct shared_secrets *secrets = shared_secrets(plane.region, c->shared);
	if (!suite || !record_keys_make(suite, sealing ? secrets->send : secrets->receive, sealing, keys))
		return false;
	*generation = direction->generation;
	return true;
}

bool descriptor_waits(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) && !(sys->fcntl(fd, F_GETFL) & O_NONBLOCK);
}

uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int descriptor_wait(int fd, short events, uint64_t until_ns)
{
	struct pollfd wait = { .fd = fd, .events = events };
	uint64_t now = now_ns();
	if (now >= until_ns)
		return ETIMEDOUT;
	int ready = sys->poll(&wait, 1, (int)((until_ns - now) / 1000000 + 1));
	return ready < 0 ? errno : ready ? 0 : ETIMEDOUT;
}

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static _Thread_local uint8_t *own_scratch;

static void make_scratch_key(void)
{
	pthread_key_create(&scratch_key, heap_free);
}

uint8_t *scratch(void)
{
	if (!own_scratch) {
		pthread_once(&scratch_once, make_scratch_key);
		own_scratch = heap_alloc(SCRATCH_SIZE);
		pthread_setspecific(scratch_key, own_scratch);
	}
	return own_scratch;
}

/* Segments */

struct segments segments_of(const struct iovec *parts, size_t count)
{
	struct segments s = { .at = parts };
	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(s.left, parts[i].iov_len, &s.left))
			s.left = SSIZE_MAX;
	if (s.left > SSIZE_MAX)
		s.left = SSIZE_MAX;
	segments_skip(&s, 0);
	return s;
}

void segments_skip(struct segments *s, size_t size)
{
	s->left -= size;
	while (size || (s->left && s->offset == s->at->iov_len)) {
		size_t part = s->at->iov_len - s->offset;
		if (part > size)
			part = size;
		s->offset += part;
		size -= part;
		if (s->offset == s->at->iov_len && (size || s->left)) {
			s->at++;
			s->offset = 0;
		}
	}
}

void segments_put(struct segments *to, const uint8_t *from, size_t size)
{
	while (size) {
		size_t part = to->at->iov_len - to->offset;
		if (part > size)
			part = size;
		if (part && !to->discard)
			memcpy((uint8_t *)to->at->iov_base + to->offset, from, part);
		from += part;
		size -= part;
		segments_skip(to, part);
	}
}

size_t segments_view(const struct segments *from, size_t size, struct iovec *ret, size_t most)
{
	size_t got = 0, offset = from->offset;
	const struct iovec *at = from->at;
	if (size > from->left)
		size = from->left;
	for (size_t n = 0; n < most && got < size; n++, at++, offset = 0) {
		size_t part = at->iov_len - offset;
		if (part > size - got)
			part = size - got;
		ret[n] = (struct iovec){ (uint8_t *)at->iov_base + offset, part };
		got += part;
	}
	return got;
}
