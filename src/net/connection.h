/* One connection of the HTTP server, between the socket and the protocol. All of it happens in its
 * loop's thread. */
#pragma once
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/blob.h"
#include "net/http_server.h"

struct connection;
struct exchange;

/* HTTP/1.1 or HTTP/2: protocol code without I/O. It reads from `input`, writes by connection_write. */
struct protocol {
	error *(*open)(struct connection *c);
	/* Takes what it can; a failure closes the connection after what is written has left. */
	error *(*input)(struct connection *c, struct evbuffer *input);
	/* An answer is there. The exchange is the protocol's to free. */
	void (*respond)(struct connection *c, struct exchange *x);
	/* More can be written now. */
	void (*writable)(struct connection *c);
	/* The server stops: finish what is under way, take nothing new. */
	void (*stop)(struct connection *c);
	void (*close)(struct connection *c);
};
extern const struct protocol http1_protocol, http2_protocol;

struct connection {
	struct http_server *server;
	struct server_loop *loop;
	struct connection *next, **link; /* of the loop's connections */
	struct bufferevent *stream;
	struct event *deadline;
	const struct protocol *protocol; /* NULL until TLS is up */
	void *state;                     /* the protocol's */
	struct blob peer_certificate;
	char peer_address[64];
	bool closing;  /* close when what is written has left */
	bool stopping; /* the server stops */
	bool in_input; /* protocol->input is on the stack */
};

/* One loop's share of a server. */
struct server_loop {
	struct http_server *server;
	struct event_base *base;
	struct connection *connections;
	pthread_t thread;
	bool thread_known;
};

struct http_server {
	struct http_server_options options;
	struct loops *loops;
	struct evconnlistener *listener;
	struct event *listen_again; /* after the process ran out of descriptors */
	uint16_t port;
	unsigned loop_count, next_loop;
	struct server_loop *per_loop;
	atomic_uint connection_count;
	atomic_size_t body_bytes; /* of requests under way */
	atomic_bool stopping;
	struct event *stop_deadline;
	void (*drained)(void *context);
	void *drained_context;
};

/* A request, its answer, and where it goes. */
struct exchange {
	struct http_exchange x;    /* first: handlers have a pointer to it */
	struct connection *connection; /* NULL once it is gone; the loop's thread only */
	struct server_loop *loop;
	int32_t stream_id;         /* HTTP/2 */
	struct exchange *next, **link; /* HTTP/2: of the connection's streams */
	struct writer body;        /* of the request */
	size_t charged;            /* bytes counted in the server's body_bytes */
	size_t header_bytes;
	bool complete;             /* the handler has it, */
	bool answered;             /* and has answered: the loop's thread only */
	bool keep_alive, head_only;
	unsigned failure;          /* HTTP/2: answer with this status at the request's end; 0: none */
	/* the answer */
	unsigned status;
	char *content_type;
	struct blob response;
	struct http_header *headers, *trailers; /* in x.arena */
	size_t header_count, trailer_count;
	size_t sent;               /* HTTP/2: bytes of the answer handed to the session */
};

enum { EXCHANGE_HEADERS_MAX = 100 };

/* connection.c */
void connection_open(struct server_loop *loop, evutil_socket_t descriptor,
		     const struct sockaddr *address);
void connection_write(struct connection *c, bytes data);
/* In one stretch of memory: less work, and fewer records, for TLS. */
void connection_write_all(struct connection *c, const bytes *parts, size_t count);
size_t connection_unsent(const struct connection *c);
/* Closes once what is written has left. */
void connection_finish(struct connection *c);
void connection_free(struct connection *c);
/* Seconds from now; 0: none. */
void connection_deadline(struct connection *c, unsigned seconds);
/* Input that came while the protocol was busy. */
void connection_resume(struct connection *c);

/* exchange.c */
struct exchange *exchange_new(struct connection *c);
void exchange_free(struct exchange *x);
/* Copies. ERROR_TOO_LARGE over the limits, ERROR_NO_MEMORY. */
error *exchange_add_header(struct exchange *x, bytes name, bytes value) MUST_USE;
error *exchange_set_target(struct exchange *x, bytes target) MUST_USE;
error *exchange_add_body(struct exchange *x, bytes data) MUST_USE;
/* Gives it to the handler. */
void exchange_dispatch(struct exchange *x);
const char *status_reason(unsigned status);
