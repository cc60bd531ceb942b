/* A connection of the data plane, operated by a program and by a peer in any order, over TCP.
 *
 * The input is text: a letter for the side and the peer's certificate, then steps of two characters, a letter and an
 * argument. Whatever the order is,
 *  - nothing that the program writes is ever on the wire as it is, and nothing that is not TLS;
 *  - what the program reads is what the peer's program has sent, from its beginning and without a gap, and nothing
 *    of it before the peer has shown who it is; the same the other way round;
 *  - the end of the data is said only when the peer has said it, and behind the last byte;
 *  - when nobody meddles, all arrives; behind a record that may not be, nothing does;
 *  - what has failed goes on failing;
 *  - every call returns, and nothing is left behind. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../ttls/in_process.h"
#include "ttls/heap.h"
#include "ttls/system.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 256 << 10, DESCRIPTORS = 4, STEPS_MAX = 400 };

#define CHECK(condition)                                                                               \
	do {                                                                                           \
		if (!(condition)) {                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);        \
			__builtin_trap();                                                              \
		}                                                                                      \
	} while (0)

struct scene {
	bool server;      /* the program's side */
	enum rule_of_test rule;
	enum credential peer;
	bool accepted;    /* such a peer gets a connection */
	int version;      /* the newest that the peer speaks; 0: 1.3 */
};

static const struct scene scenes[] = {
	{ true, RULE_INCOMING, CREDENTIAL_CLIENT, true, 0 },
	{ true, RULE_INCOMING, CREDENTIAL_NONE, false, 0 },
	{ true, RULE_INCOMING, CREDENTIAL_STRANGER, false, 0 },
	{ true, RULE_INCOMING, CREDENTIAL_EXPIRED, false, 0 },
	{ true, RULE_INCOMING_TYPED, CREDENTIAL_CLIENT, true, 0 },
	{ true, RULE_INCOMING_TYPED, CREDENTIAL_SERVER, false, 0 },
	{ true, RULE_INCOMING_OPEN, CREDENTIAL_NONE, true, 0 },
	{ false, RULE_OUTGOING, CREDENTIAL_SERVER, true, 0 },
	{ false, RULE_OUTGOING, CREDENTIAL_STRANGER, false, 0 },
	{ false, RULE_OUTGOING, CREDENTIAL_NAMELESS, false, 0 },
	{ false, RULE_OUTGOING, CREDENTIAL_EXPIRED, false, 0 },
	{ false, RULE_OUTGOING_TYPED, CREDENTIAL_CLIENT, false, 0 },
	{ false, RULE_OUTGOING_TYPED, CREDENTIAL_SERVER, true, 0 },
	{ true, RULE_INCOMING_OPEN, CREDENTIAL_NONE, false, TLS1_2_VERSION },
	{ false, RULE_OUTGOING, CREDENTIAL_SERVER, false, TLS1_2_VERSION },
};

/* What one side's program sends: the byte at each place is known, and no 8 of them happen by chance. */
static const char program_marker[] = "PROGRAMS", peer_marker[] = "OF_PEERS";
static uint8_t byte_at(const char *marker, uint64_t at)
{
	uint64_t block = at / 16, in_block = at % 16;
	const char *digits = "0123456789abcdef";
	return (uint8_t)(in_block < 8 ? marker[in_block] : digits[block >> 4 * (15 - in_block) & 15]);
}

static void fill(const char *marker, uint64_t at, uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = byte_at(marker, at + i);
}

struct play {
	const struct scene *scene;

	/* The program's side */
	int fds[DESCRIPTORS];
	int count;               /* of descriptors */
	struct shared_connection *shared;
	uint64_t cookie;
	uint64_t written, read;  /* by the program */
	bool read_shut, write_shut;

	/* The peer's */
	int socket;              /* -1: reset */
	SSL *ssl;
	bool done, crafting;     /* its handshake; it has sealed a record that OpenSSL did not */
	uint64_t sent, got;      /* by its program */
	bool ended, goodbye;     /* it says no more; in a way that counts */
	bool spoiled;            /* it has sealed what may not be: nothing behind that counts */
	bool meddled;            /* what it sent does not arrive as it was */
	const struct cipher_suite *suite;
	uint8_t secret[TRAFFIC_SECRET_MAX];
	struct record_keys keys;
	uint64_t sequence;
	uint8_t *out;            /* what it has still to put on the wire */
	size_t out_size;
	uint8_t *wire;           /* what it took from there, not yet whole records */
	size_t wire_size;
	uint8_t before[8];       /* and the last of it, before */
};

static int listener;
static SSL_CTX *contexts[2][CREDENTIAL_COUNT + 1];
static uint8_t buffer[ROOM];
static _Thread_local bool limited; /* the fuzzer's own thread */
static size_t kernel_room = SIZE_MAX;

/* A kernel with little room. */
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t send_into_room(int fd, const void *from, size_t size, int flags)
{
	if (limited && size > kernel_room)
		size = kernel_room;
	if (!size) {
		errno = EAGAIN;
		return -1;
	}
	ssize_t sent = real_send(fd, from, size, flags);
	if (limited && sent > 0 && kernel_room != SIZE_MAX)
		kernel_room -= (size_t)sent;
	return sent;
}

/* The peer */

static uint8_t from_hex(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void on_peer_secret(const SSL *ssl, const char *line)
{
	struct play *p = SSL_get_app_data(ssl);
	const char *label = SSL_is_server(ssl) ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_TRAFFIC_SECRET_0 ";
	if (strncmp(line, label, strlen(label)) != 0)
		return;
	const char *hex = strrchr(line, ' ') + 1;
	for (size_t i = 0; i < TRAFFIC_SECRET_MAX && hex[2 * i]; i++)
		p->secret[i] = (uint8_t)(from_hex(hex[2 * i]) << 4 | from_hex(hex[2 * i + 1]));
}

static void put(struct play *p, const void *data, size_t size)
{
	if (!size || size > ROOM - p->out_size)
		return;
	memcpy(p->out + p->out_size, data, size);
	p->out_size += size;
}

static size_t pending_of(struct play *p, char **ret)
{
	long size = BIO_get_mem_data(SSL_get_wbio(p->ssl), ret);
	return size > 0 ? (size_t)size : 0;
}

/* Takes what OpenSSL has made. `application`: those are records under the traffic keys. */
static void collect(struct play *p, bool application)
{
	char *data;
	size_t size = pending_of(p, &data);
	for (size_t at = 0; application && at + RECORD_HEADER <= size; at += record_size((uint8_t *)data + at))
		p->sequence++;
	put(p, data, size);
	(void)BIO_reset(SSL_get_wbio(p->ssl));
}

/* With a client's last flight, the server's first application records come (tickets). */
static void shake_hands(struct play *p)
{
	if (p->done)
		return;
	ERR_clear_error();
	p->done = SSL_do_handshake(p->ssl) == 1;
	collect(p, p->done && SSL_is_server(p->ssl));
	if (p->done)
		p->suite = cipher_suite_of(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(p->ssl)));
}

/* Takes over from OpenSSL: the next records are sealed here, so that they may be any. */
static bool craft(struct play *p)
{
	if (!p->done || !p->suite || p->ended)
		return false;
	p->crafting = true;
	return p->keys.context || record_keys_make(p->suite, p->secret, true, &p->keys);
}

static void put_crafted(struct play *p, int type, const void *content, size_t size)
{
	static uint8_t record[2 * RECORD_MAX];
	struct iovec part = { (void *)(uintptr_t)content, size };
	CHECK(record_seal(&p->keys, p->sequence++, (enum record_type)type, &part, size, record));
	put(p, record, size + RECORD_OVERHEAD);
}

static void next_key(struct play *p)
{
	CHECK(traffic_secret_update(p->suite, p->secret));
	p->sequence = 0;
	if (p->keys.context)
		CHECK(record_keys_make(p->suite, p->secret, true, &p->keys));
}

static void peer_sends(struct play *p, size_t size)
{
	if (!p->done || p->ended || ROOM - p->out_size < size + size / 8 + RECORD_MAX)
		return;
	fill(peer_marker, p->sent, buffer, size);
	for (size_t at = 0; p->crafting && at < size; at += RECORD_PLAIN_MAX)
		put_crafted(p, RECORD_DATA, buffer + at, size - at < RECORD_PLAIN_MAX ? size - at : RECORD_PLAIN_MAX);
	if (!p->crafting && size && SSL_write(p->ssl, buffer, (int)size) != (int)size)
		return;
	if (!p->crafting)
		collect(p, true);
	p->sent += p->spoiled ? 0 : size;
}

static void peer_says_goodbye(struct play *p)
{
	static const uint8_t close_notify[] = { 1, 0 };
	if (!p->done || p->ended)
		return;
	if (p->crafting) {
		put_crafted(p, RECORD_ALERT, close_notify, 2);
	} else {
		SSL_shutdown(p->ssl);
		collect(p, true);
	}
	p->ended = true;
	p->goodbye = !p->spoiled;
}

static void peer_updates_keys(struct play *p, bool asks)
{
	uint8_t message[] = { 24, 0, 0, 1, asks };
	if (!p->done || p->ended || !p->suite)
		return;
	if (p->crafting) {
		put_crafted(p, RECORD_HANDSHAKE, message, sizeof message);
	} else {
		if (SSL_key_update(p->ssl, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(p->ssl) != 1)
			return;
		collect(p, true);
	}
	next_key(p);
}

/* Records that are sealed rightly, and may not be. Their content is never the stream's next. */
static void peer_crafts(struct play *p, uint8_t which)
{
	static const uint8_t hello_request[] = { 0, 0, 0, 0 }, early_end[] = { 5, 0, 0, 0 }, cut[] = { 4, 0, 0, 9, 1 };
	static const uint8_t late_update[] = { 24, 0, 0, 1, 0, 4, 0, 0, 0 }, bad_update[] = { 24, 0, 0, 1, 7 };
	static const uint8_t tickets[] = { 4, 0, 0, 2, 1, 2, 4, 0, 0, 1, 3 };
	static const uint8_t fatal[] = { 2, 40 }, short_alert[] = { 1 };
	static uint8_t evil[RECORD_PLAIN_MAX + 300];
	if (!craft(p) || ROOM - p->out_size < 2 * RECORD_MAX)
		return;
	memset(evil, 'E', sizeof evil);
	p->spoiled |= which % 16 != 8 && (which % 16 != 5 || p->scene->server); /* tickets are a server's */
	switch (which % 16) {
	case 0: put_crafted(p, RECORD_HANDSHAKE, hello_request, sizeof hello_request); break;
	case 1: put_crafted(p, RECORD_HANDSHAKE, early_end, sizeof early_end); break;
	case 2: put_crafted(p, RECORD_HANDSHAKE, cut, sizeof cut); break;
	case 3: put_crafted(p, RECORD_HANDSHAKE, late_update, sizeof late_update); break;
	case 4: put_crafted(p, RECORD_HANDSHAKE, bad_update, sizeof bad_update); break;
	case 5: put_crafted(p, RECORD_HANDSHAKE, tickets, sizeof tickets); break;
	case 6: put_crafted(p, RECORD_ALERT, fatal, sizeof fatal); break;
	case 7: put_crafted(p, RECORD_ALERT, short_alert, sizeof short_alert); break;
	case 8: put_crafted(p, RECORD_DATA, evil, 0); break; /* empty data may come (5.4) */
	case 9: put_crafted(p, RECORD_DATA, evil, RECORD_PLAIN_MAX + 1); break;
	case 10: put_crafted(p, RECORD_CHANGE_CIPHER_SPEC, "\1", 1); break;
	case 11: put_crafted(p, 0, evil, 0); break; /* zeros only */
	case 12: put_crafted(p, 99, evil, 20); break;
	case 13: p->sequence++; put_crafted(p, RECORD_DATA, evil, 20); break;
	case 14: put_crafted(p, RECORD_HANDSHAKE, evil, 0); break;
	case 15: put_crafted(p, RECORD_DATA, evil, RECORD_PLAIN_MAX + 280); break;
	}
}

static void peer_injects(struct play *p, uint8_t which)
{
	static const struct { const char *data; size_t size; } raw[] = {
		{ "GET / HTTP/1.1\r\nHost: example\r\n\r\n", 34 },
		{ "\x15\x03\x03\0\2\2\x28", 7 },              /* an alert in the clear */
		{ "\x15\x03\x03\0\2\1\0", 7 },                  /* a goodbye in the clear */
		{ "\x17\x03\x03\xff\xff""EEEEEEEE", 13 },       /* too large */
		{ "\x17\x03\x03\0\0", 5 },                      /* empty */
		{ "\x14\x03\x03\0\1\1", 6 },
		{ "\x17\x03\x03\0\x11""EEEEEEEEEEEEEEEEE", 22 },
		{ "\x16\x03\x03\0\4\0\0\0\0", 9 },
	};
	put(p, raw[which % 8].data, raw[which % 8].size);
}

static void deliver(struct play *p, size_t size)
{
	if (size > p->out_size)
		size = p->out_size;
	ssize_t sent = p->socket < 0 ? -1 : send(p->socket, p->out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		sent = (ssize_t)size; /* it is lost */
	if (sent <= 0)
		return;
	p->out_size -= (size_t)sent;
	memmove(p->out, p->out + sent, p->out_size);
}

/* Whole records, and none that shows what the program writes. */
static void check_wire(struct play *p)
{
	size_t at = 0;
	CHECK(!memmem(p->wire, p->wire_size, program_marker, 8));
	while (p->wire_size - at >= RECORD_HEADER) {
		size_t size = record_size(p->wire + at);
		CHECK(size);
		if (size > p->wire_size - at)
			break;
		at += size;
	}
	p->wire_size -= at;
	memmove(p->wire, p->wire + at, p->wire_size);
}

static bool take_from_wire(struct play *p)
{
	ssize_t got = p->socket < 0 ? 0 :
		      recv(p->socket, p->wire + p->wire_size, ROOM - p->wire_size, MSG_DONTWAIT);
	if (got <= 0)
		return false;
	(void)BIO_write(SSL_get_rbio(p->ssl), p->wire + p->wire_size, (int)got);
	p->wire_size += (size_t)got;
	check_wire(p);
	return true;
}

/* Its program reads: from the beginning, without a gap. One byte of a record that left in part is not reported yet. */
static void peer_reads(struct play *p)
{
	int got;
	while (take_from_wire(p))
		;
	ERR_clear_error();
	while (p->done && (got = SSL_read(p->ssl, buffer, sizeof buffer)) > 0) {
		for (int i = 0; i < got; i++)
			CHECK(buffer[i] == byte_at(program_marker, p->got + (uint64_t)i));
		p->got += (uint64_t)got;
		CHECK(p->scene->accepted && p->got <= p->written + 1);
	}
	if (p->done && !p->crafting)
		collect(p, true); /* an answer to KeyUpdate */
	else
		(void)BIO_reset(SSL_get_wbio(p->ssl));
}

/* The program */

static int fd_of(const struct play *p, uint8_t which)
{
	return p->fds[which % p->count];
}

static bool passes(int failure)
{
	return failure == EAGAIN || failure == EINTR || failure == ENOMEM || failure == ENOBUFS;
}

/* The two have spoken with each other, and nobody else with them. */
static bool undisturbed(const struct play *p)
{
	return p->scene->accepted && !p->meddled && !p->spoiled && p->socket >= 0;
}

static void check_phase(const struct play *p)
{
	CHECK(p->scene->accepted || p->shared->phase != PHASE_ESTABLISHED);
	CHECK(p->shared->phase != PHASE_ESTABLISHED || p->shared->rule == p->scene->rule || !p->scene->server);
}

static void program_reads(struct play *p, size_t size, unsigned parts, int flags)
{
	struct connection *c = connection_of(fd_of(p, 0));
	bool had_failed = p->shared->phase == PHASE_FAILED;
	struct iovec vector[4] = { { buffer, size / 3 }, { NULL, 0 }, { buffer + size / 3, size - size / 3 } };
	struct iovec whole = { buffer, size };
	struct segments to = segments_of(parts > 1 ? vector : &whole, parts);
	memset(buffer, 'B', size);
	ssize_t got = connection_receive(c, fd_of(p, (uint8_t)size), &to, flags);
	int failure = errno;
	connection_put(c);
	check_phase(p);
	CHECK(got <= (ssize_t)size);
	for (ssize_t i = 0; i < got; i++)
		CHECK(buffer[i] == byte_at(peer_marker, p->read + (uint64_t)i));
	if (got > 0)
		CHECK(p->scene->accepted && p->read + (uint64_t)got <= p->sent && !had_failed);
	if (got == 0 && size && !p->read_shut)
		CHECK(p->goodbye && p->read == p->sent && !had_failed);
	if (got < 0 && !passes(failure))
		CHECK(!undisturbed(p));
	if (had_failed && size)
		CHECK(p->read_shut || (got < 0 && !passes(failure)));
	if (got > 0 && !(flags & MSG_PEEK))
		p->read += (uint64_t)got;
}

static void program_writes(struct play *p, size_t size, unsigned parts)
{
	struct connection *c = connection_of(fd_of(p, 0));
	bool had_failed = p->shared->phase == PHASE_FAILED;
	fill(program_marker, p->written, buffer, size);
	struct iovec vector[4] = { { buffer, size / 3 }, { NULL, 0 }, { buffer + size / 3, size - size / 3 } };
	struct iovec whole = { buffer, size };
	struct segments from = segments_of(parts > 1 ? vector : &whole, parts);
	ssize_t sent = connection_send(c, fd_of(p, (uint8_t)size), &from, MSG_DONTWAIT | MSG_NOSIGNAL);
	connection_put(c);
	check_phase(p);
	CHECK(sent <= (ssize_t)size);
	CHECK(!had_failed || sent < 0);
	CHECK(!p->write_shut || sent <= 0);
	if (sent > 0)
		p->written += (uint64_t)sent;
}

static void program_shuts(struct play *p, int how)
{
	struct connection *c = connection_of(fd_of(p, 0));
	(void)connection_shutdown(c, fd_of(p, 0), how);
	connection_put(c);
	p->read_shut |= how != SHUT_WR;
	p->write_shut |= how != SHUT_RD && p->shared->phase == PHASE_ESTABLISHED;
}

static void program_looks(struct play *p, bool settles)
{
	struct connection *c = connection_of(fd_of(p, 0));
	if (settles) {
		(void)connection_settle(c, fd_of(p, 0));
	} else {
		ssize_t there = connection_readable(c, fd_of(p, 0));
		CHECK(there >= 0 && (uint64_t)there <= p->sent - p->read);
	}
	connection_put(c);
	check_phase(p);
}

static void program_copies(struct play *p)
{
	struct connection *c = connection_of(fd_of(p, 0));
	int copy = p->count < DESCRIPTORS ? fcntl(fd_of(p, 0), F_DUPFD_CLOEXEC, 3) : -1;
	if (copy >= 0) {
		connection_copy(c, copy);
		p->fds[p->count++] = copy;
	}
	connection_put(c);
}

static void program_closes(struct play *p, uint8_t which)
{
	int at = which % p->count, fd = p->fds[at];
	connection_detach(fd);
	close(fd);
	p->fds[at] = p->fds[--p->count];
}

/* Both go on as long as that brings anything. */
static void both_shake_hands(struct play *p)
{
	for (int i = 0; i < 5; i++) {
		take_from_wire(p);
		shake_hands(p);
		deliver(p, SIZE_MAX);
		program_looks(p, true);
	}
}

/* The play */

static size_t size_of(uint8_t argument)
{
	return argument < 'a' ? argument : ((size_t)argument - 'a' + 1) * 700; /* letters: several records */
}

static void flip(struct play *p, uint8_t where)
{
	if (p->out_size)
		p->out[(size_t)where * where % p->out_size] ^= (uint8_t)(1 << where % 8);
}

static void repeat_record(struct play *p)
{
	size_t size = p->out_size >= RECORD_HEADER ? record_size(p->out) : 0;
	if (!size || size > p->out_size || size > ROOM - p->out_size)
		return;
	memmove(p->out + size, p->out, p->out_size);
	p->out_size += size;
}

static void swap_records(struct play *p)
{
	size_t first = p->out_size >= RECORD_HEADER ? record_size(p->out) : 0;
	size_t second = first && p->out_size >= first + RECORD_HEADER ? record_size(p->out + first) : 0;
	if (!second || first + second > p->out_size)
		return;
	memcpy(buffer, p->out, first);
	memmove(p->out, p->out + first, second);
	memcpy(p->out + second, buffer, first);
}

static void drop(struct play *p, size_t size)
{
	size_t record = p->out_size >= RECORD_HEADER ? record_size(p->out) : 0;
	if (!size && record)
		size = record; /* a whole one */
	if (size > p->out_size)
		size = p->out_size;
	p->out_size -= size;
	memmove(p->out, p->out + size, p->out_size);
}

static void reset(struct play *p)
{
	const struct linger now = { .l_onoff = 1 };
	if (p->socket < 0)
		return;
	setsockopt(p->socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(p->socket);
	p->socket = -1;
}

/* The letters are those of the seeds. */
static void program_step(struct play *p, char what, uint8_t argument)
{
	switch (what) {
	case 'r': program_reads(p, size_of(argument), 1, MSG_DONTWAIT); break;
	case 'v': program_reads(p, size_of(argument), 3, MSG_DONTWAIT); break;
	case 'p': program_reads(p, size_of(argument), 1, MSG_DONTWAIT | MSG_PEEK); break;
	case 'q': program_reads(p, size_of(argument), 1, argument & 1 ? MSG_WAITALL : 0); break; /* waits */
	case 'w': program_writes(p, size_of(argument), 1); break;
	case 'u': program_writes(p, size_of(argument), 3); break;
	case 's': program_shuts(p, argument % 3); break;
	case 't': program_looks(p, true); break;
	case 'l': program_looks(p, false); break;
	case 'd': program_copies(p); break;
	case 'c': program_closes(p, argument); break;
	}
}

static void peer_step(struct play *p, char what, uint8_t argument)
{
	p->meddled |= strchr("beonif", what) != NULL;
	switch (what) {
	case 'h': both_shake_hands(p); break;
	case 'a': take_from_wire(p), shake_hands(p), peer_reads(p); break;
	case 'g': peer_sends(p, size_of(argument)); break;
	case 'x': peer_says_goodbye(p); break;
	case 'y': peer_updates_keys(p, argument & 1); break;
	case 'm': deliver(p, argument == '0' ? SIZE_MAX : size_of(argument)); break;
	case 'b': flip(p, argument); break;
	case 'e': repeat_record(p); break;
	case 'o': swap_records(p); break;
	case 'n': drop(p, argument == '0' ? 0 : size_of(argument)); break;
	case 'i': peer_injects(p, argument); break;
	case 'j': peer_crafts(p, argument); break;
	case 'z': reset(p); break;
	case 'f':
		if (p->socket >= 0)
			shutdown(p->socket, SHUT_WR);
		break;
	case 'k': kernel_room = argument == '0' ? SIZE_MAX : size_of(argument); break;
	}
}

static void start_once(void)
{
	if (listener)
		return;
	signal(SIGPIPE, SIG_IGN);
	listener = in_process_listener();
	in_process_start(listener);
	real_send = system_functions.send;
	system_functions.send = send_into_room;
	limited = true;
	for (int server = 0; server < 2; server++)
		for (int i = 0; i <= CREDENTIAL_COUNT; i++) {
			contexts[server][i] = in_process_peer((enum credential)i);
			SSL_CTX_set_keylog_callback(contexts[server][i], on_peer_secret);
			if (server) /* asks for a certificate, and takes what it gets */
				SSL_CTX_set_verify(contexts[server][i], SSL_VERIFY_PEER, NULL);
		}
	CHECK(scratch());
}

static void begin(struct play *p, const struct scene *scene)
{
	const struct timeval moment = { .tv_usec = 1000 };
	socklen_t size = sizeof p->cookie;
	int connecting, accepted;
	*p = (struct play){ .scene = scene, .count = 1, .out = malloc(ROOM), .wire = malloc(ROOM) };
	in_process_connect(listener, &connecting, &accepted);
	p->fds[0] = scene->server ? accepted : connecting;
	p->socket = scene->server ? connecting : accepted;
	setsockopt(p->fds[0], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
	getsockopt(p->fds[0], SOL_SOCKET, SO_COOKIE, &p->cookie, &size);
	/* typed: the kernel would have to have a second port for it */
	enum connection_phase phase = scene->rule == RULE_OUTGOING ? PHASE_CONNECTING : PHASE_HANDSHAKE;
	CHECK(connection_attach(p->fds[0], in_process_rule(scene->rule), phase, scene->server));
	p->shared = shared_find(plane.region, p->cookie);
	p->ssl = SSL_new(contexts[!scene->server][scene->peer]);
	SSL_set_app_data(p->ssl, p);
	SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	BIO_set_mem_eof_return(SSL_get_rbio(p->ssl), -1);
	if (scene->version)
		SSL_set_max_proto_version(p->ssl, scene->version);
	if (scene->server)
		SSL_set_connect_state(p->ssl);
	else
		SSL_set_accept_state(p->ssl);
	kernel_room = SIZE_MAX;
}

/* What was sent arrives, whatever came in between. */
static void receive_all(struct play *p)
{
	deliver(p, SIZE_MAX);
	for (int i = 0; i < 100 && (!i || p->read < p->sent || p->out_size); i++) {
		program_reads(p, ROOM / 4, 1, MSG_DONTWAIT);
		deliver(p, SIZE_MAX);
	}
	CHECK(p->read == p->sent);
}

static void end(struct play *p, size_t blocks)
{
	bool whole = undisturbed(p) && p->done && p->count && p->shared->phase == PHASE_ESTABLISHED;
	kernel_room = SIZE_MAX;
	if (whole && !p->read_shut)
		receive_all(p);
	peer_reads(p);
	while (p->count)
		program_closes(p, 0);
	peer_reads(p);
	if (!whole || p->read_shut)
		reset(p);
	connection_detach_all(); /* goodbyes that wait aside */
	peer_reads(p);
	if (whole && !p->read_shut)
		CHECK(p->got >= p->written && SSL_get_shutdown(p->ssl) & SSL_RECEIVED_SHUTDOWN);
	reset(p);
	CHECK(!connection_count() && !shared_find(plane.region, p->cookie));
	for (int i = 0; i < 2000 && heap_in_use() > blocks; i++)
		usleep(1000); /* a thread of them ends */
	CHECK(heap_in_use() <= blocks);
	SSL_free(p->ssl);
	record_keys_free(&p->keys);
	free(p->out);
	free(p->wire);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play p;
	if (!size)
		return 0;
	start_once();
	begin(&p, &scenes[((data[0] & 31) + 31u) % 32 % (sizeof scenes / sizeof *scenes)]);
	size_t blocks = heap_in_use();
	for (size_t i = 1; i + 1 < size && i < 2 * (size_t)STEPS_MAX && p.count; i += 2) {
		char what = (char)('a' - 1 + (data[i] & 31));
		program_step(&p, what, data[i + 1]);
		if (p.count)
			peer_step(&p, what, data[i + 1]);
	}
	end(&p, blocks);
	return 0;
}
