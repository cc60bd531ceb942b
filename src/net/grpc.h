/* gRPC (unary) over the HTTP server, and a client for one call at a time. */
#pragma once
#include "base/blob.h"
#include "net/http_server.h"

/* Numbers of the gRPC specification. */
enum grpc_status {
	GRPC_OK = 0,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};
/* The table from our error codes. */
enum grpc_status grpc_status_of_error(enum error_code code);

/* Is told of the calls of methods that exist; `method` is the index in the table. From any thread. */
struct grpc_observer {
	void *context;
	void (*started)(void *context, size_t method);
	void (*received)(void *context, size_t method); /* the message is whole */
	void (*handled)(void *context, size_t method, enum grpc_status status);
};

/* A call that arrived: `message` is the protobuf message. End it by grpc_respond or grpc_fail. */
struct grpc_call {
	struct http_exchange *exchange;
	bytes message;
	const struct grpc_observer *observer; /* NULL: nobody wants to know */
	size_t method;
};
struct grpc_method {
	const char *path; /* "/rpc.Marble/Activate" */
	void (*handle)(void *context, struct grpc_call call);
};
/* An http_handler body: checks method, content type, framing (uncompressed, one message), then
 * calls the method's handler; answers UNIMPLEMENTED otherwise. `observer` may be NULL. */
void grpc_dispatch(const struct grpc_method *methods, size_t count, void *context,
		   const struct grpc_observer *observer, struct http_exchange *x);
void grpc_respond(struct grpc_call call, bytes message);
/* Consumes the error. */
void grpc_fail(struct grpc_call call, error *e);

/* A client connection over mutual TLS, blocking, with time limits. */
struct grpc_client;
struct grpc_client_options {
	const char *address;     /* host:port */
	X509 *certificate;       /* shown to the server */
	EVP_PKEY *key;
	X509 *pinned;            /* the server must prove this very certificate's key; NULL: any server */
	unsigned timeout_s;      /* of connecting and of each call; 0: 30 */
	size_t response_bytes;   /* most it takes; 0: 64 MiB */
};
/* Without `pinned` the server's certificate is not verified: the caller looks at it (grpc_client_peer)
 * and decides before it says anything. ERROR_UNAVAILABLE when nobody answers, ERROR_DENIED for another
 * certificate. */
error *grpc_client_connect(const struct grpc_client_options *options, struct grpc_client **ret) MUST_USE;
/* The certificate that the server uses on this connection. Borrowed. */
X509 *grpc_client_peer(const struct grpc_client *client);
/* One unary call. A status other than OK becomes an error: *status holds the number (GRPC_OK when the
 * failure was ours or the network's), the message is the server's. */
error *grpc_client_call(struct grpc_client *client, const char *path, bytes request,
			enum grpc_status *status, struct blob *ret) MUST_USE;
/* A plain POST over the same connection. Any status of HTTP is an answer; *ret is its body. */
error *grpc_client_post(struct grpc_client *client, const char *path, const char *content_type, bytes body,
			int *ret_status, struct blob *ret) MUST_USE;
void grpc_client_free(struct grpc_client *client);
DEFINE_CLEANUP(grpc_client_free, struct grpc_client *)
