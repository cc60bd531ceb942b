/* What all processes of a marble know of its TLS connections: one region of memory, handed on by fork and exec.
 * A connection is found by the kernel's cookie of its socket, so descriptors may be inherited, duplicated and
 * passed around among them. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "telemetry/table.h"
#include "ttls/record.h"

enum { SHARED_CONNECTIONS = 16384, SHARED_PARTIALS = SHARED_CONNECTIONS, HOLDERS_MAX = 6 };
enum { PEER_TYPE_SIZE = TELEMETRY_TEXT, PEER_UUID_SIZE = TELEMETRY_UUID };

enum connection_phase {
	PHASE_CONNECTING,  /* the client's connect() has not succeeded yet */
	PHASE_HANDSHAKE,
	PHASE_ESTABLISHED,
	PHASE_FAILED,
};

struct shared_direction {
	uint64_t sequence;   /* of the next record */
	uint32_t generation; /* counts the KeyUpdates */
	_Atomic bool over;   /* close_notify went through */
};

/* Apart, and close together: so that all of them can be locked in memory. */
struct shared_secrets {
	uint8_t receive[TRAFFIC_SECRET_MAX], send[TRAFFIC_SECRET_MAX];
};

struct shared_connection {
	pthread_mutex_t receive_lock, send_lock; /* in this order */
	_Atomic uint32_t phase;
	_Atomic uint32_t handshake_steps; /* a copy of the handshake that is behind may not go on */
	uint16_t suite;
	bool server;
	bool data_seen; /* received */
	_Atomic int holders[HOLDERS_MAX]; /* processes with a descriptor of it */
	_Atomic int forks;                /* children that are about to hold it */
	struct shared_direction receive, send;
	uint32_t partial;      /* the place of a record's beginning, plus 1; 0: none */
	uint32_t partial_size;
	uint32_t delivered;    /* of the plaintext of that record, whose last byte is in the kernel still */
	uint64_t rest_id;    /* of the sealed bytes that the kernel has not taken yet; 0: none */
	uint32_t rest_sent;
	bool held;           /* the last byte was sent, and not yet reported as sent */
	uint8_t held_byte;
	uint16_t rule;       /* index in the policy */
	_Atomic int failure; /* errno of PHASE_FAILED */
	_Atomic bool reported; /* by SO_ERROR, once, unless another call has said it */
	_Atomic bool write_shut; /* it writes no more; the goodbye may still wait */
	_Atomic bool read_shut; /* the program wants no more */
	char peer_type[PEER_TYPE_SIZE], peer_uuid[PEER_UUID_SIZE];

	/* For telemetry, when it is on. */
	uint32_t series;     /* plus 1; 0: not counted as open */
	uint32_t refusal;
	uint64_t established_ns;
	_Atomic uint64_t sent, received;
	struct telemetry_endpoint local, remote;
};

struct shared_region;
/* The region in a memory file of its own; -1 with errno. */
int shared_region_new(void);
/* NULL when it is not one. */
struct shared_region *shared_region_map(int file);
/* A place for the socket with this cookie, all zero but its locks; NULL when all are taken. The caller is its
 * first holder. */
struct shared_connection *shared_add(struct shared_region *region, uint64_t cookie);
struct shared_connection *shared_find(struct shared_region *region, uint64_t cookie);
struct shared_secrets *shared_secrets(struct shared_region *region, const struct shared_connection *c);
/* Keeps the secrets out of swap, as far as the limits of the process let it; a child by fork has to do so again. */
void shared_lock_secrets(struct shared_region *region);
/* Its number. */
size_t shared_index(const struct shared_region *region, const struct shared_connection *c);
void shared_hold(struct shared_connection *c, int process);
/* Is nobody alive left who holds it? */
bool shared_release(struct shared_connection *c, int process);
/* After exec: gives up what this process held before and did not inherit, which `held` knows. */
void shared_reconcile(struct shared_region *region, int process, bool (*held)(const struct shared_connection *));
void shared_remove(struct shared_region *region, struct shared_connection *c);
/* How many places are taken. */
void shared_count(const struct shared_region *region, size_t *ret_connections, size_t *ret_partials);

/* RECORD_MAX bytes for the beginning of a record, sealed as it came, so that any process can go on with it; NULL when
 * all are taken. The connection's as long as `partial_size` is not 0. */
uint8_t *shared_partial(struct shared_region *region, struct shared_connection *c);
void shared_partial_free(struct shared_region *region, struct shared_connection *c);

/* False: its last owner died inside; nothing may use what it guards any more. */
bool shared_lock(pthread_mutex_t *lock);
void shared_unlock(pthread_mutex_t *lock);
