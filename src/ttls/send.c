/* Sending: sealed from the program's own memory, up to four records in one call. What the kernel does not take is
 * sealed again later, but for a record that it took in part: its rest is kept, and one byte less is reported, so
 * that the program has to come back. */
#include <errno.h>
#include <signal.h>

#include "ttls/connection.h"
#include "ttls/count.h"
#include "ttls/heap.h"
#include "ttls/plane.h"
#include "ttls/system.h"

enum { BATCH = 4, PARTS = 64, CONTROL_MAX = 8 };

/* Records that were sealed together. */
struct batch {
	size_t count, size;      /* sealed bytes in all */
	size_t ends[BATCH + 1];  /* where each record ends */
	size_t plain[BATCH + 1]; /* what each holds */
};

static int keep_rest(struct connection *c, const uint8_t *rest, size_t size)
{
	size_t had = c->rest ? c->rest_size - c->shared->rest_sent : 0;
	uint8_t *kept = heap_alloc(had + size);
	if (!kept)
		return ENOMEM;
	if (had)
		memcpy(kept, c->rest + c->shared->rest_sent, had);
	memcpy(kept + had, rest, size);
	heap_free(c->rest);
	c->rest = kept;
	c->rest_size = had + size;
	c->rest_id = c->shared->rest_id = now_ns();
	c->shared->rest_sent = 0;
	return 0;
}

int send_rest(struct connection *c, int fd, int flags)
{
	struct shared_connection *shared = c->shared;
	if (!shared->rest_id)
		return 0;
	if (c->rest_id != shared->rest_id) /* it lies in another process */
		return EIO;
	while (shared->rest_sent < c->rest_size) {
		ssize_t sent = sys->send(fd, c->rest + shared->rest_sent, c->rest_size - shared->rest_sent, flags);
		if (sent < 0)
			return errno == EWOULDBLOCK ? EAGAIN : errno;
		shared->rest_sent += (uint32_t)sent;
	}
	heap_free(c->rest);
	c->rest = NULL;
	c->rest_id = shared->rest_id = shared->rest_sent = 0;
	return 0;
}

static bool seal(struct connection *c, struct segments *from, uint8_t *to, struct batch *ret)
{
	*ret = (struct batch){ 0 };
	while (from->left && ret->count < BATCH) {
		struct iovec parts[PARTS];
		size_t size = segments_view(from, RECORD_PLAIN_MAX, parts, PARTS);
		if (!record_seal(&c->sealing, c->shared->send.sequence + ret->count, RECORD_DATA, parts, size,
				 to + ret->size))
			return false;
		ret->size += size + RECORD_OVERHEAD;
		ret->plain[ret->count] = size;
		ret->ends[ret->count++] = ret->size;
		segments_skip(from, size);
	}
	return true;
}

int send_control(struct connection *c, int fd, enum record_type type, const uint8_t *content, size_t size)
{
	struct shared_direction *send = &c->shared->send;
	uint8_t record[CONTROL_MAX + RECORD_OVERHEAD];
	struct iovec part = { (void *)(uintptr_t)content, size };
	const struct cipher_suite *suite = cipher_suite_of(c->shared->suite);
	if (size > CONTROL_MAX || !direction_keys(c, send, true) ||
	    !record_seal(&c->sealing, send->sequence, type, &part, size, record))
		return EIO;
	size += RECORD_OVERHEAD;
	ssize_t sent = c->shared->rest_id ? 0 : sys->send(fd, record, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return errno;
	if (sent < 0)
		sent = 0;
	if (!sent && type == RECORD_ALERT)
		return EAGAIN; /* nothing has left: it may be sealed again */
	if ((size_t)sent < size && keep_rest(c, record + sent, size - (size_t)sent) != 0)
		return EIO;
	send->sequence++;
	if (type == RECORD_HANDSHAKE) { /* KeyUpdate: the next record has the next key */
		if (!traffic_secret_update(suite, shared_secrets(plane.region, c->shared)->send))
			return EIO;
		send->generation++;
		send->sequence = 0;
	}
	return 0;
}

/* Before a key has protected too much. */
static int renew_key(struct connection *c, int fd)
{
	static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
	if (c->shared->send.sequence + BATCH < RECORD_KEY_RECORDS_MAX)
		return 0;
	return send_control(c, fd, RECORD_HANDSHAKE, key_update, sizeof key_update);
}

/* The kernel has taken `sent` bytes of the batch. Returns how much of the plaintext counts as sent. */
static ssize_t account(struct connection *c, const struct batch *b, const uint8_t *sealed, size_t sent)
{
	struct shared_connection *shared = c->shared;
	size_t reported = 0, n = 0;
	for (; n < b->count && b->ends[n] <= sent; n++)
		reported += b->plain[n];
	size_t begins = n ? b->ends[n - 1] : 0;
	bool in_part = n < b->count && sent > begins;
	if (in_part && keep_rest(c, sealed + sent, b->ends[n] - sent) != 0)
		return -1;
	if (in_part)
		reported += b->plain[n] - 1;
	shared->held = in_part;
	shared->send.sequence += n + in_part; /* the rest of the batch has not left: it is sealed again */
	return (ssize_t)reported;
}

/* The byte that was sent already, and not reported, must come again. */
static int take_held(struct connection *c, struct segments *from)
{
	struct iovec part;
	if (!c->shared->held || !from->left)
		return 0;
	segments_view(from, 1, &part, 1);
	if (*(uint8_t *)part.iov_base != c->shared->held_byte)
		return EIO;
	c->shared->held = false;
	segments_skip(from, 1);
	return 0;
}

static ssize_t refuse(int failure, int flags)
{
	if (failure == EPIPE && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	errno = failure;
	return -1;
}

/* A record was sent in part: its last byte is the next one of `from`. */
static void hold(struct connection *c, const struct segments *from)
{
	struct iovec last;
	segments_view(from, 1, &last, 1);
	c->shared->held_byte = *(uint8_t *)last.iov_base;
}

/* One batch. Bytes that count as sent; -1 and errno. `*room`: the kernel has taken all of it. */
static ssize_t send_batch(struct connection *c, int fd, struct segments *from, int flags, bool *room)
{
	struct batch batch;
	struct segments rest = *from;
	uint8_t *sealed = scratch();
	if (renew_key(c, fd) != 0 || !direction_keys(c, &c->shared->send, true) || !seal(c, &rest, sealed, &batch))
		return refuse(connection_fail(c, fd, EIO), flags);
	ssize_t sent = sys->send(fd, sealed, batch.size, flags);
	if (sent < 0)
		return -1;
	*room = (size_t)sent == batch.size;
	ssize_t counted = account(c, &batch, sealed, (size_t)sent);
	if (counted < 0)
		return refuse(connection_fail(c, fd, ENOMEM), flags);
	segments_skip(from, (size_t)counted);
	if (c->shared->held)
		hold(c, from);
	return counted;
}

static ssize_t send_locked(struct connection *c, int fd, struct segments *from, int flags)
{
	size_t reported = 0, wanted = from->left;
	int failed = c->shared->send.over ? EPIPE : !scratch() ? ENOMEM : send_rest(c, fd, flags);
	if (!failed)
		failed = take_held(c, from);
	if (failed)
		return refuse(failed, flags);
	reported = wanted - from->left;
	for (bool room = true; from->left && room;) {
		ssize_t sent = send_batch(c, fd, from, flags, &room);
		if (sent < 0)
			return reported ? (ssize_t)reported : -1;
		reported += (size_t)sent;
	}
	if (reported)
		return (ssize_t)reported;
	errno = EAGAIN;
	return -1;
}

int send_all(struct connection *c, int fd, struct segments *from)
{
	uint8_t *sealed = scratch();
	if (!sealed)
		return ENOMEM;
	while (from->left) {
		struct batch batch;
		if (!direction_keys(c, &c->shared->send, true) || !seal(c, from, sealed, &batch))
			return EIO;
		c->shared->send.sequence += batch.count;
		ssize_t sent = c->shared->rest_id ? 0 : sys->send(fd, sealed, batch.size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return errno;
		if (sent < 0)
			sent = 0;
		if ((size_t)sent < batch.size && keep_rest(c, sealed + sent, batch.size - (size_t)sent) != 0)
			return ENOMEM;
	}
	return 0;
}

enum { EARLY_MAX = 256 << 10 };

/* While the handshake waits for the peer, what a program writes that must not wait is kept. */
static ssize_t send_early(struct connection *c, struct segments *from)
{
	struct iovec part;
	size_t size = from->left < EARLY_MAX - c->early_size ? from->left : EARLY_MAX - c->early_size;
	uint8_t *early = size ? heap_resize(c->early, c->early_size + size) : NULL;
	if (!early) {
		errno = EAGAIN;
		return -1;
	}
	c->early = early;
	for (size_t left = size; left;) {
		size_t got = segments_view(from, left, &part, 1);
		memcpy(c->early + c->early_size, part.iov_base, got);
		c->early_size += got;
		segments_skip(from, got);
		left -= got;
	}
	return (ssize_t)size;
}

ssize_t connection_send(struct connection *c, int fd, struct segments *from, int flags)
{
	struct shared_connection *shared = c->shared;
	ssize_t sent;
	int failed = connection_ready(c, fd, flags, SO_SNDTIMEO);
	bool early = failed == EAGAIN;
	if (early)
		failed = 0;
	if (!failed && shared->write_shut)
		failed = EPIPE;
	if (!failed && !shared_lock(&shared->send_lock))
		failed = EIO;
	if (failed)
		return refuse(failed == ECONNRESET ? EPIPE : failed, flags);
	if (!from->left)
		sent = 0;
	else if (early && shared->phase != PHASE_ESTABLISHED)
		sent = send_early(c, from);
	else
		sent = send_locked(c, fd, from, flags);
	count_moved(c, true, sent);
	shared_unlock(&shared->send_lock);
	return sent;
}
