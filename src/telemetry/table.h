/* What the data plane counts, in a memory file that all processes of a marble share with the observer, which shows
 * it. Counting takes no lock and never waits; there is no secret in it. */
#pragma once
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TELEMETRY_PLACES = 1024,  /* entries of the policy; more are counted together */
	TELEMETRY_SERIES = 256,   /* of an entry and a peer's type */
	TELEMETRY_LIVE = 16384,   /* connections */
	TELEMETRY_LOG = 1024,     /* lines that wait to be written */
	TELEMETRY_BOUNDS = 12,    /* of a histogram: 0.1 ms, doubled eleven times */
	TELEMETRY_TEXT = 256,     /* bytes of a marble type or an address, with a NUL */
	TELEMETRY_UUID = 64,
};

/* Why a connection was refused. */
enum refusal {
	REFUSED_NOTHING,
	REFUSED_NO_CERTIFICATE,
	REFUSED_WRONG_CA,   /* or a certificate that is not valid for another reason */
	REFUSED_WRONG_NAME,
	REFUSED_WRONG_TYPE,
	REFUSED_NOT_TLS,
	REFUSED_UNLISTED,
	REFUSED_TIMEOUT,
	REFUSED_AMBIGUOUS,
	REFUSED_BY_PEER,    /* the peer said so */
	REFUSED_CLOSED,     /* the peer closed the connection before the handshake was over */
	REFUSED_OTHER,
	REFUSAL_COUNT,
};
extern const char *const refusal_names[REFUSAL_COUNT];

/* Where a connection belongs: an entry of the policy, or none of a direction. */
enum { PLACE_INCOMING, PLACE_OUTGOING, PLACE_FIRST };
struct telemetry_place {
	bool outgoing;
	bool verified;  /* the peer must show a certificate */
	uint16_t port;
	char address[TELEMETRY_TEXT]; /* as the manifest gives it; empty: incoming */
};

struct telemetry_histogram {
	_Atomic uint64_t buckets[TELEMETRY_BOUNDS + 1]; /* not cumulative; last: above all */
	_Atomic uint64_t sum_ns;
};

enum series_state { SERIES_FREE, SERIES_BEING_MADE, SERIES_READY };
struct telemetry_series {
	_Atomic uint32_t state;
	uint32_t place;
	char peer_type[TELEMETRY_TEXT]; /* verified; empty: none */
	_Atomic uint64_t opened, closed, resumed, sent, received, refused[REFUSAL_COUNT];
	struct telemetry_histogram handshake, connect;
};

struct telemetry_endpoint {
	uint16_t family; /* AF_INET, AF_INET6; 0: not known */
	uint16_t port;
	uint8_t address[16];
};

/* One line of the access log. */
struct telemetry_entry {
	uint64_t time_ms; /* since 1970: the connection's end, or its refusal */
	uint64_t duration_ns, sent, received;
	uint32_t place;
	int32_t process;
	int32_t failure;  /* errno that ended it; 0: closed in order */
	uint32_t refusal;
	struct telemetry_endpoint local, remote;
	char peer_type[TELEMETRY_TEXT], peer_uuid[TELEMETRY_UUID];
};

struct telemetry_slot {
	_Atomic uint64_t turn;
	struct telemetry_entry entry;
};

/* A connection that is open; told when its holder has died without a word. */
struct telemetry_live {
	_Atomic uint32_t series; /* plus 1; 0: none */
	_Atomic int holder;      /* a process */
};

struct telemetry {
	uint64_t layout;
	bool logs;
	char own_type[TELEMETRY_TEXT];
	uint32_t place_count;
	struct telemetry_place places[TELEMETRY_PLACES];
	struct telemetry_series series[TELEMETRY_SERIES]; /* the first is that of all that find no other */
	struct telemetry_live live[TELEMETRY_LIVE];
	sem_t written;
	_Atomic uint64_t next, lost; /* lines */
	struct telemetry_slot log[TELEMETRY_LOG];
};

/* Prepares a new table: all zero before. */
void telemetry_prepare(struct telemetry *t);
/* A memory file with a prepared table; -1 and errno. */
int telemetry_new(void);
/* NULL when it is none. */
struct telemetry *telemetry_map(int file);
void telemetry_unmap(struct telemetry *t);
/* Upper bound of a histogram's bucket, in seconds. */
double telemetry_bound(unsigned bucket);

/* Counting. Series are found or made; never NULL. */
struct telemetry_series *telemetry_series(struct telemetry *t, uint32_t place, const char *peer_type);
void telemetry_observe(struct telemetry_histogram *h, uint64_t ns);
static inline void telemetry_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}
/* An open connection with this number. */
void telemetry_open(struct telemetry *t, size_t live, struct telemetry_series *series, int holder);
/* False: it was counted as closed already, or never as open. */
bool telemetry_close(struct telemetry *t, size_t live);
/* Counts as closed what dead processes held. */
void telemetry_bury(struct telemetry *t);
/* A line of the access log; lost, and counted so, when too many wait. */
void telemetry_log(struct telemetry *t, const struct telemetry_entry *entry);
/* The next line, for the only reader; `*next` is 0 at first. False: none is there within the time. One whose writer
 * has died over it is left out. */
bool telemetry_next(struct telemetry *t, uint64_t *next, unsigned timeout_ms, struct telemetry_entry *ret);
