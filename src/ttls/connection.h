/* A TLS connection of this process: what its descriptors stand for. What must be the same in all processes is in
 * `shared`; the rest are keys made ready, plaintext at hand and the handshake, while it lasts. */
#pragma once
#include <openssl/ssl.h>

#include "telemetry/table.h"
#include "ttls/policy.h"
#include "ttls/shared.h"

enum { TICKETS_IF_NEW, TICKETS_IF_RESUMED, TICKET_REQUESTS };

struct connection {
	_Atomic unsigned references;  /* of descriptors and of calls under way; 0: spare */
	_Atomic unsigned descriptors; /* of this process */
	struct shared_connection *shared;
	struct plane_rule *rule;
	struct connection *next; /* spare */
	uint64_t began_ns, connected_ns; /* 0: TCP is not there yet */
	_Atomic bool given; /* to another process, whose the handshake is from then on */

	/* While the handshake lasts; under both locks. */
	SSL *ssl;
	uint32_t steps;          /* of the handshake, as far as `ssl` has gone */
	uint8_t header[RECORD_HEADER]; /* of the record that is coming in */
	size_t header_size, record_left;
	uint8_t *flight;         /* handshake bytes that the kernel has not taken yet */
	size_t flight_size;
	uint8_t *early;          /* what the program wrote meanwhile */
	_Atomic size_t early_size;
	bool close_early;        /* and then shut its side down */
	uint8_t secrets[2][TRAFFIC_SECRET_MAX]; /* client's, server's */
	unsigned secret_count;
	unsigned tickets;        /* records that a server has sealed with the last keys already */
	uint8_t ticket_request[TICKET_REQUESTS], ticket_answer; /* how many, as they are sent (RFC 9149) */
	bool ticket_shown;
	enum refusal refusal;

	/* Under receive_lock. */
	struct record_keys opening;
	uint32_t opening_generation;
	uint8_t *plain;          /* of the record whose last byte is in the kernel still */
	size_t plain_size;
	size_t counted;          /* by FIONREAD, and not taken yet */
	uint64_t plain_sequence;
	uint32_t plain_generation;
	SSL *expecting;          /* a client's, until the ticket that it has asked for is there */

	/* Under send_lock. */
	struct record_keys sealing;
	uint32_t sealing_generation;
	uint8_t *rest;           /* of a record that the kernel has taken in part */
	size_t rest_size;
	uint64_t rest_id;
};

/* The connection behind a descriptor, or NULL; a look into a table. To be put back. */
struct connection *connection_of(int fd);
void connection_put(struct connection *c);
/* Descriptor `fd`, a socket of this process, is a TLS connection from here on. False: no memory, or too many. */
bool connection_attach(int fd, struct plane_rule *rule, enum connection_phase phase, bool server);
/* `fd` came from another process of the marble, or from before exec: is it one of its connections? */
bool connection_adopt(int fd);
/* By which the kernel knows a socket. */
bool socket_cookie(int fd, uint64_t *ret);
/* The connection of this process that `shared` belongs to; borrowed. */
struct connection *connection_with(const struct shared_connection *shared);
/* `copy` is the same socket now. */
void connection_copy(struct connection *c, int copy);
/* To be called before `fd` is closed: says goodbye to the peer when it is the last descriptor of all. */
void connection_detach(int fd);
/* All descriptors of this process, as detach; waits a bounded time for what has still to be sent. */
void connection_detach_all(void);
/* Calls with each descriptor that is a connection. */
void connection_each(void (*call)(int fd, struct connection *c));

/* Bytes of the program, taken or filled from the front. */
struct segments {
	const struct iovec *at; /* not an empty one, unless nothing is left */
	size_t offset; /* in *at */
	size_t left;   /* in all */
	bool discard;  /* there is no memory behind them */
};
struct segments segments_of(const struct iovec *parts, size_t count);
void segments_put(struct segments *to, const uint8_t *from, size_t size);
/* The next `size` bytes, at most as many parts as fit: returns the size that they have. */
size_t segments_view(const struct segments *from, size_t size, struct iovec *ret, size_t most);
void segments_skip(struct segments *s, size_t size);

/* Brings the handshake as far as it goes. 0 when the connection is established; else an errno: EAGAIN when it has
 * to wait for the peer and `fd` or MSG_DONTWAIT in `flags` forbid that, or when the time is over that the program has
 * set for this: SO_RCVTIMEO or SO_SNDTIMEO. */
int connection_ready(struct connection *c, int fd, int flags, int time_option);
/* The same, waiting or not whatever the descriptor's flags are. */
int connection_ready_wait(struct connection *c, int fd, bool wait);
/* A server whose program waits for events asks about nobody who is silent: whose time is over is refused here. */
void connection_expire_silent(void);
/* As recv and send, on parts; -1 and errno. */
ssize_t connection_receive(struct connection *c, int fd, struct segments *to, int flags);
ssize_t connection_send(struct connection *c, int fd, struct segments *from, int flags);
/* Bytes that can be received without waiting. */
ssize_t connection_readable(struct connection *c, int fd);
/* The kernel says that `fd` is readable: would a program's read now return data, the end, or an error? If not, what has
 * come is taken in, so that the kernel no longer says so. */
bool connection_settle(struct connection *c, int fd);
/* Connections of this process. */
unsigned connection_count(void);
int connection_shutdown(struct connection *c, int fd, int how);

/* For the files of this room. */
bool descriptor_waits(int fd, int flags);
uint64_t now_ns(void);
/* Waits for `events`; 0, or ETIMEDOUT, EINTR, … */
int descriptor_wait(int fd, short events, uint64_t until_ns);
/* 96 KiB of this thread. */
enum { SCRATCH_SIZE = 5 * RECORD_MAX };
uint8_t *scratch(void);
void handshake_free(struct connection *c);
void handshake_in_child(void);
int connection_fail(struct connection *c, int fd, int failure);
/* With the direction's lock. */
bool direction_keys(struct connection *c, struct shared_direction *direction, bool sealing);
/* With send_lock. 0 or errno; what the kernel does not take at once is kept and sent later. */
int send_all(struct connection *c, int fd, struct segments *from);
int send_control(struct connection *c, int fd, enum record_type type, const uint8_t *content, size_t size);
/* What was kept: 0 when nothing is left. */
int send_rest(struct connection *c, int fd, int flags);
/* With receive_lock: takes out what is no data: tickets and the like, the peer's goodbye. */
void receive_alert(struct connection *c, int fd);
