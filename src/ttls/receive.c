/* Receiving. As long as plaintext is at hand that the program has not taken, the last byte of its record stays in the
 * kernel's queue: so the kernel's own readiness (poll, select, epoll of both kinds) is right. Everything else that
 * has come is taken out, so a part of a record makes nothing readable. */
#include <errno.h>
#include <sys/ioctl.h>

#include "ttls/connection.h"
#include "ttls/count.h"
#include "ttls/heap.h"
#include "ttls/plane.h"
#include "ttls/resumption.h"
#include "ttls/system.h"

enum { ALERT_SIZE = RECORD_OVERHEAD + 2 };
enum { ALERT_CLOSE_NOTIFY = 0, MESSAGE_NEW_SESSION_TICKET = 4, MESSAGE_KEY_UPDATE = 24 };

/* Sealed bytes that were taken out of the kernel. */
struct window {
	uint8_t *data;
	size_t size;
	size_t used; /* processed */
	bool more;   /* the kernel may have more */
};

/* RFC 8446, 4.6.3. The peer may want ours to change too. */
static int update_keys(struct connection *c, int fd, bool requested)
{
	static const uint8_t answer[] = { MESSAGE_KEY_UPDATE, 0, 0, 1, 0 };
	struct shared_direction *receive = &c->shared->receive;
	const struct cipher_suite *suite = cipher_suite_of(c->shared->suite);
	if (!traffic_secret_update(suite, shared_secrets(plane.region, c->shared)->receive))
		return EIO;
	receive->generation++;
	receive->sequence = 0;
	if (!requested || c->shared->send.over)
		return 0;
	if (!shared_lock(&c->shared->send_lock))
		return EIO;
	int failed = send_control(c, fd, RECORD_HANDSHAKE, answer, sizeof answer);
	shared_unlock(&c->shared->send_lock);
	return failed;
}

/* Messages may come several to a record, of which none is empty; KeyUpdate is the last of its record (5.1). Tickets are
 * a server's (4.6.1). */
static int take_handshake(struct connection *c, int fd, const uint8_t *message, size_t size)
{
	if (!size)
		return EPROTO;
	while (size >= 4) {
		size_t length = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];
		if (length > size - 4)
			return EPROTO;
		if (message[0] == MESSAGE_KEY_UPDATE)
			return length == 1 && size == 5 && message[4] <= 1 ? update_keys(c, fd, message[4]) : EPROTO;
		if (message[0] != MESSAGE_NEW_SESSION_TICKET || c->shared->server)
			return EPROTO;
		resumption_take(c, message, 4 + length);
		message += 4 + length;
		size -= 4 + length;
	}
	return size ? EPROTO : 0;
}

static int take_control(struct connection *c, int fd, enum record_type type, const uint8_t *content, size_t size)
{
	struct shared_direction *receive = &c->shared->receive;
	receive->sequence++;
	if (type == RECORD_HANDSHAKE)
		return take_handshake(c, fd, content, size);
	if (type != RECORD_ALERT || size != 2)
		return EPROTO;
	receive->over = content[1] == ALERT_CLOSE_NOTIFY;
	if (receive->over)
		sys->shutdown(fd, SHUT_RD); /* the end stays readable, though no FIN may follow it */
	if (!receive->over && !c->shared->server && !c->shared->data_seen) {
		c->refusal = REFUSED_BY_PEER; /* a server judges when clients think that all is done */
		count_refused(c, fd);
	}
	return receive->over ? 0 : ECONNRESET;
}

static int open_record(struct connection *c, uint8_t *record, size_t size, enum record_type *ret_type,
		       size_t *ret_size)
{
	if (!direction_keys(c, &c->shared->receive, false))
		return ENOMEM;
	return record_open(&c->opening, c->shared->receive.sequence, record, size, ret_type, ret_size) ? 0 : EPROTO;
}

/* The records of a window that are whole. They fit into `to`: no more was taken out. */
static int process(struct connection *c, int fd, struct window *w, struct segments *to, size_t *got)
{
	while (w->size - w->used >= RECORD_HEADER && !c->shared->receive.over) {
		uint8_t *record = w->data + w->used;
		enum record_type type;
		size_t size = record_size(record), plain;
		if (!size)
			return EPROTO;
		if (size > w->size - w->used)
			break;
		int failed = open_record(c, record, size, &type, &plain);
		if (!failed && type == RECORD_DATA) {
			segments_put(to, record + RECORD_HEADER, plain);
			*got += plain;
			c->shared->receive.sequence++;
			c->shared->data_seen = true;
		} else if (!failed) {
			failed = take_control(c, fd, type, record + RECORD_HEADER, plain);
		}
		if (failed)
			return failed;
		w->used += size;
	}
	return 0;
}

/* The beginning of a record that is left at the end of a window. */
static int keep_partial(struct connection *c, const struct window *w)
{
	size_t left = w->size - w->used;
	if (!left || c->shared->receive.over) {
		shared_partial_free(plane.region, c->shared);
		return 0;
	}
	uint8_t *partial = shared_partial(plane.region, c->shared);
	if (!partial)
		return ENOBUFS;
	memcpy(partial, w->data + w->used, left);
	c->shared->partial_size = (uint32_t)left;
	return 0;
}

/* In all of this nothing waits: so no lock is held for long. */

/* Takes out what fits, sealed as it is, into `room`: then all plaintext of it fits too. When the record that has
 * begun does not fit, all of it but its last byte. 0; EINPROGRESS when only that byte is left; ENODATA after a FIN. */
static int take_out(struct connection *c, int fd, size_t room, bool one_record, struct window *ret)
{
	const struct shared_connection *shared = c->shared;
	struct window w = { .data = scratch(), .size = shared->partial_size };
	if (!w.data)
		return ENOMEM;
	if (w.size)
		memcpy(w.data, shared_partial(plane.region, c->shared), w.size);
	size_t record = w.size >= RECORD_HEADER ? record_size(w.data) : 0;
	size_t most = room + RECORD_OVERHEAD - w.size;
	if (w.size >= RECORD_HEADER && !record)
		return EPROTO;
	if (one_record)
		most = record ? record - w.size - 1 : RECORD_HEADER - w.size;
	else if (record && record > room + RECORD_OVERHEAD)
		most = record - w.size - 1;
	*ret = w;
	if (!most)
		return EINPROGRESS;
	if (most > SCRATCH_SIZE - w.size)
		most = SCRATCH_SIZE - w.size;
	ssize_t got = sys->recv(fd, w.data + w.size, most, MSG_DONTWAIT);
	if (got <= 0)
		return got ? errno : ENODATA;
	ret->size += (size_t)got;
	ret->more = (size_t)got == most;
	return 0;
}

static bool plain_at_hand(const struct connection *c)
{
	return c->plain && c->plain_sequence == c->shared->receive.sequence &&
	       c->plain_generation == c->shared->receive.generation;
}

static void forget_plain(struct connection *c)
{
	heap_free(c->plain);
	c->plain = NULL;
}

static bool take_last_byte(struct connection *c, int fd)
{
	uint8_t last;
	shared_partial_free(plane.region, c->shared);
	c->shared->delivered = 0;
	forget_plain(c);
	return sys->recv(fd, &last, 1, MSG_DONTWAIT) == 1;
}

static int keep_plain(struct connection *c, const uint8_t *plain, size_t size)
{
	forget_plain(c);
	c->plain = heap_alloc(size);
	if (!c->plain)
		return ENOMEM;
	memcpy(c->plain, plain, size);
	c->plain_size = size;
	c->plain_sequence = c->shared->receive.sequence;
	c->plain_generation = c->shared->receive.generation;
	return 0;
}

/* With the last byte of a record in sight: opens it. Data stays at hand; what is not data is dealt with. */
static int open_whole(struct connection *c, int fd, struct window *w)
{
	enum record_type type;
	size_t plain;
	ssize_t got = sys->recv(fd, w->data + w->size, 1, MSG_PEEK | MSG_DONTWAIT);
	if (got <= 0)
		return got ? errno : ENODATA;
	int failed = open_record(c, w->data, w->size + 1, &type, &plain);
	if (failed)
		return failed;
	if (type == RECORD_DATA && plain)
		return keep_plain(c, w->data + RECORD_HEADER, plain);
	if (!take_last_byte(c, fd))
		return EIO;
	if (type != RECORD_DATA)
		return take_control(c, fd, type, w->data + RECORD_HEADER, plain);
	c->shared->receive.sequence++;
	return 0;
}

/* What came in several sends lies there as one: the records behind the one at hand, as far as they are whole. One that
 * is not right shows when it is its turn. Who only counts need not open them: what is no data, but for alerts, comes
 * before all data or is rare, and a program that was told too much reads EAGAIN. */
static void peek_further(struct connection *c, int fd, struct segments *to, size_t *got)
{
	uint8_t *seen = scratch();
	uint64_t sequence = c->shared->receive.sequence;
	ssize_t there = seen ? sys->recv(fd, seen, SCRATCH_SIZE, MSG_PEEK | MSG_DONTWAIT) : 0;
	enum record_type type;
	size_t size, plain, at = 1; /* behind the last byte of the record at hand */
	while (to->left && there >= (ssize_t)(at + RECORD_HEADER)) {
		size = record_size(seen + at);
		plain = size - RECORD_OVERHEAD;
		if (!size || size > (size_t)there - at || (to->discard && size <= ALERT_SIZE))
			return;
		if (!to->discard && (!record_open(&c->opening, ++sequence, seen + at, size, &type, &plain) ||
				     type != RECORD_DATA))
			return;
		if (plain > to->left)
			plain = to->left;
		segments_put(to, seen + at + RECORD_HEADER, plain);
		*got += plain;
		at += size;
	}
}

static int deliver_plain(struct connection *c, int fd, struct segments *to, bool peeking, size_t *got)
{
	uint32_t *delivered = &c->shared->delivered;
	size_t size = c->plain_size - *delivered;
	if (size > to->left)
		size = to->left;
	segments_put(to, c->plain + *delivered, size);
	*got += size;
	if (peeking && to->left && direction_keys(c, &c->shared->receive, false))
		peek_further(c, fd, to, got);
	if (peeking)
		return 0;
	*delivered += (uint32_t)size;
	if (*delivered < c->plain_size)
		return 0;
	c->shared->receive.sequence++;
	return take_last_byte(c, fd) ? 0 : EIO;
}

/* Brings something, or finds the end: 0. `*more`: the kernel may have more for a program that asks for it. */
static int receive_some(struct connection *c, int fd, struct segments *to, bool peeking, size_t *got, bool *more)
{
	*more = true;
	while (!*got && !c->shared->receive.over) {
		struct window w;
		if (plain_at_hand(c))
			return deliver_plain(c, fd, to, peeking, got);
		/* A record of which another process has delivered a part is taken as that one did. */
		int failed = take_out(c, fd, to->left, peeking || c->shared->delivered, &w);
		if (failed == EINPROGRESS) {
			failed = open_whole(c, fd, &w);
			if (failed)
				return failed;
			continue;
		}
		if (failed)
			return failed;
		failed = process(c, fd, &w, to, got);
		if (!failed)
			failed = keep_partial(c, &w);
		if (failed)
			return failed;
		*more = w.more;
	}
	return 0;
}

static bool is_passing(int failure)
{
	return failure == EAGAIN || failure == EINTR || failure == ENOMEM;
}

/* A FIN without close_notify: cut off, by whom ever (8446, 6.1). When the program wanted no more, it is the end. */
static int settle_failure(struct connection *c, int fd, int failure)
{
	if (failure == ENODATA && c->shared->read_shut)
		return 0;
	if (!failure || is_passing(failure))
		return failure;
	return connection_fail(c, fd, failure == EPROTO || failure == ENODATA ? ECONNRESET : failure);
}

/* A program that has taken all that FIONREAD counted may wait for a new edge, as nginx does. There may be more:
 * FIONREAD counts what fits into one look. Setting the mark below which nothing wakes makes the kernel look, and tell
 * again. */
static void keep_edge(struct connection *c, int fd, size_t got)
{
	const int lowest = 1;
	if (!c->counted)
		return;
	c->counted = got < c->counted ? c->counted - got : 0;
	if (!c->counted)
		(void)!sys->setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowest, sizeof lowest);
}

/* What is there. EAGAIN: nothing, or with MSG_WAITALL not all. */
static int receive_locked(struct connection *c, int fd, struct segments *to, int flags, size_t *got)
{
	const bool peeking = flags & MSG_PEEK, all = flags & MSG_WAITALL;
	const size_t before = *got;
	bool more = true;
	int failed = 0;
	/* What is left in the kernel would give no new edge to a program that has seen a short read. */
	while (!failed && to->left && !c->shared->receive.over && !(*got && peeking) && (more || all)) {
		size_t now = 0;
		failed = receive_some(c, fd, to, peeking, &now, &more);
		*got += now;
	}
	if (!peeking)
		keep_edge(c, fd, *got - before);
	if (failed == EAGAIN)
		c->counted = 0;
	return settle_failure(c, fd, failed == EAGAIN && *got && !all ? 0 : failed);
}

/* In the kernel, which knows for how long a program wants to wait, and which signals end that. Without any lock: others
 * go on meanwhile, and a process that is killed here takes nothing with it. */
static int await_bytes(int fd)
{
	uint8_t next;
	return sys->recv(fd, &next, 1, MSG_PEEK) < 0 ? errno : 0;
}

static int receive_waiting(struct connection *c, int fd, struct segments *to, int flags, size_t *got)
{
	for (;;) {
		int failed = connection_ready(c, fd, flags, SO_RCVTIMEO);
		if (failed || !to->left)
			return failed;
		if (!shared_lock(&c->shared->receive_lock))
			return EIO;
		failed = receive_locked(c, fd, to, flags, got);
		shared_unlock(&c->shared->receive_lock);
		if (failed != EAGAIN || flags & MSG_DONTWAIT)
			return failed;
		failed = await_bytes(fd);
		if (failed)
			return settle_failure(c, fd, failed);
	}
}

ssize_t connection_receive(struct connection *c, int fd, struct segments *to, int flags)
{
	size_t got = 0;
	int failed = receive_waiting(c, fd, to, flags, &got);
	c->shared->reported |= c->shared->phase == PHASE_FAILED;
	if (!(flags & MSG_PEEK))
		count_moved(c, false, (ssize_t)got);
	if (got || !failed || (c->shared->read_shut && !is_passing(failed)))
		return (ssize_t)got;
	errno = failed;
	return -1;
}

/* Tickets and the like, which are no data. */
static bool take_front_control(struct connection *c, int fd)
{
	uint8_t *record = scratch();
	enum record_type type;
	size_t plain;
	ssize_t got = c->shared->partial_size || !record ?
			      0 : sys->recv(fd, record, RECORD_MAX, MSG_PEEK | MSG_DONTWAIT);
	size_t size = got < RECORD_HEADER ? 0 : record_size(record);
	if (!size || size > (size_t)got || open_record(c, record, size, &type, &plain) != 0 ||
	    type != RECORD_HANDSHAKE)
		return false;
	uint8_t *message = record + RECORD_HEADER;
	if (sys->recv(fd, NULL, size, MSG_TRUNC | MSG_DONTWAIT) != (ssize_t)size)
		return false;
	return settle_failure(c, fd, take_control(c, fd, type, message, plain)) == 0;
}

void receive_alert(struct connection *c, int fd)
{
	uint8_t record[RECORD_OVERHEAD + 2 + 1];
	enum record_type type;
	size_t plain;
	while (take_front_control(c, fd))
		;
	if (c->shared->partial_size || c->shared->receive.over ||
	    sys->recv(fd, record, sizeof record, MSG_PEEK | MSG_DONTWAIT) != RECORD_OVERHEAD + 2 ||
	    record_size(record) != RECORD_OVERHEAD + 2 ||
	    open_record(c, record, RECORD_OVERHEAD + 2, &type, &plain) != 0 || type != RECORD_ALERT)
		return;
	(void)take_control(c, fd, type, record + RECORD_HEADER, plain);
	(void)!sys->recv(fd, record, sizeof record, MSG_DONTWAIT);
}

/* Is the next record there as a whole? What is there of one that is not is taken in. */
static bool has_record(struct connection *c, int fd)
{
	struct shared_connection *shared = c->shared;
	uint8_t seen[512];
	struct window w = { .data = seen };
	int there;
	if (shared->partial_size)
		memcpy(seen, shared_partial(plane.region, shared),
		       shared->partial_size < RECORD_HEADER ? shared->partial_size : RECORD_HEADER);
	size_t have = shared->partial_size, header = have < RECORD_HEADER ? have : RECORD_HEADER;
	ssize_t got = sys->recv(fd, seen + header, sizeof seen - header, MSG_PEEK | MSG_DONTWAIT);
	if (got <= 0)
		return got == 0 || errno != EAGAIN;
	size_t record = header + (size_t)got < RECORD_HEADER ? SIZE_MAX : record_size(seen);
	if (have + (size_t)got >= record || sys->ioctl(fd, FIONREAD, &there) != 0 || have + (size_t)there >= record)
		return true; /* or something that is none, which the program's read will tell */
	w.data = scratch();
	if (!w.data)
		return true;
	if (have)
		memcpy(w.data, shared_partial(plane.region, shared), have);
	got = sys->recv(fd, w.data + have, (size_t)there, MSG_DONTWAIT);
	if (got <= 0)
		return true;
	w.size = have + (size_t)got;
	return keep_partial(c, &w) != 0;
}

bool connection_settle(struct connection *c, int fd)
{
	int failed = connection_ready_wait(c, fd, false);
	if (failed || pthread_mutex_trylock(&c->shared->receive_lock) != 0)
		return failed != EAGAIN;
	bool readable = plain_at_hand(c) || c->shared->receive.over;
	/* A server talks before there is data; later it is rare, and not worth the look. */
	while (!readable && (readable = has_record(c, fd)) && !c->shared->server && !c->shared->data_seen &&
	       take_front_control(c, fd))
		readable = false;
	shared_unlock(&c->shared->receive_lock);
	return readable;
}

ssize_t connection_readable(struct connection *c, int fd)
{
	struct iovec nowhere = { NULL, SCRATCH_SIZE };
	struct segments all = { .at = &nowhere, .left = SCRATCH_SIZE, .discard = true };
	ssize_t size = 0;
	if (!shared_lock(&c->shared->receive_lock))
		return 0;
	if (c->counted) /* once for many reads: the look is long */
		size = (ssize_t)c->counted;
	shared_unlock(&c->shared->receive_lock);
	if (size)
		return size;
	size = connection_receive(c, fd, &all, MSG_PEEK | MSG_DONTWAIT);
	if (size > 0 && shared_lock(&c->shared->receive_lock)) {
		c->counted = (size_t)size;
		shared_unlock(&c->shared->receive_lock);
	}
	return size < 0 ? 0 : size;
}
