/* An HTTP server: HTTP/1.1 and HTTP/2, over TLS or plain, one handler for all. What arrives is
 * bounded in size, number and time; what breaks the protocol is answered or closed, and disturbs
 * nobody else. */
#pragma once
#include "base/arena.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "net/loop.h"
#include "net/tls.h"

struct http_header {
	bytes name; /* lower case */
	bytes value;
};

/* One request and its answer. The request's views live in `arena` until the answer is given. */
struct http_exchange {
	struct arena arena;
	bytes method, path; /* path: before '?', percent-decoding not applied */
	bytes query;        /* behind '?', without it */
	struct http_header *headers;
	size_t header_count;
	bytes body;
	bytes peer_certificate; /* DER of the TLS client certificate; empty when none was shown */
	bytes peer_address;     /* "127.0.0.1:51234", for logs */
	/* A handler that wants to know how it ends sets these: called once, when the answer is given and by
	 * whoever gives it, with its status and the size of its body. */
	void (*answered)(void *context, unsigned status, size_t body_size);
	void *answered_context;
	void *connection;       /* the server's */
};
/* The value of a header (name in lower case), empty when absent. */
bytes http_header(const struct http_exchange *x, const char *name);
/* The percent-decoded values of a query parameter, in the arena: calls back per occurrence, n-th. */
error *http_query(struct http_exchange *x, const char *name, size_t n, bytes *ret, bool *found) MUST_USE;

/* Called in a loop's thread. The handler must end every exchange by http_respond exactly once, at
 * once or later from any thread; after that the exchange is gone. */
typedef void (*http_handler)(void *context, struct http_exchange *x);

struct http_response {
	unsigned status;
	const char *content_type; /* NULL: no body */
	bytes body;               /* copied before http_respond returns */
	struct blob *owned_body;  /* instead of it, when there is one: taken over */
	const struct http_header *headers;
	size_t header_count;
	const struct http_header *trailers; /* HTTP/2 only (gRPC) */
	size_t trailer_count;
};
void http_respond(struct http_exchange *x, const struct http_response *response);

struct http_limits {
	size_t header_bytes;    /* of all headers of a request; default 32 KiB */
	size_t body_bytes;      /* default 16 MiB */
	unsigned handshake_s;   /* TLS handshake; default 10 */
	unsigned request_s;     /* from its first byte to its last; default 30 */
	unsigned idle_s;        /* between requests; default 120 */
	unsigned connections;   /* at once, all together; further ones are closed; default 4096 */
	unsigned streams;       /* HTTP/2 streams of a connection at once; default 32 */
	size_t memory_bytes;    /* of request bodies at once, all together; default 256 MiB */
};

struct http_server;
struct http_server_options {
	const char *address;    /* host:port, :port or [v6]:port; port 0: any free one */
	struct tls_server *tls; /* NULL: plain */
	struct http_limits limits; /* zeros: defaults */
	http_handler handler;
	void *context;
};
/* Listens at once; accepts when the loops run. */
error *http_server_start(struct loops *loops, const struct http_server_options *options,
			 struct http_server **ret) MUST_USE;
/* The port that it listens on. */
uint16_t http_server_port(const struct http_server *server);
/* Stops accepting, ends idle connections, lets requests in flight finish (HTTP/2: GOAWAY); calls
 * `drained` in a loop's thread when none is left or after `limit_s`. */
void http_server_stop(struct http_server *server, unsigned limit_s, void (*drained)(void *context),
		      void *context);
/* After it is drained and the loops have ended. NULL is accepted. */
void http_server_free(struct http_server *server);
DEFINE_CLEANUP(http_server_free, struct http_server *)
