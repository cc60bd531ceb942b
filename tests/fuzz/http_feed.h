/* Feeds bytes to a connection of the HTTP server through a socket pair, and lets its loop run. */
#pragma once
#include <sys/socket.h>
#include <unistd.h>

#include "net/connection.h"
#include "net/grpc.h"

static void answer_call(void *context, struct grpc_call call)
{
	(void)context;
	grpc_respond(call, call.message);
}

static void answer(void *context, struct http_exchange *x)
{
	static const struct grpc_method methods[] = { { "/rpc.Marble/Activate", answer_call } };
	bytes value;
	bool found;
	error_free(http_query(x, "nonce", 0, &value, &found));
	if (http_header(x, "content-type").size)
		grpc_dispatch(methods, 1, context, NULL, x);
	else
		http_respond(x, &(struct http_response){ .status = 200, .content_type = "text/plain",
							 .body = x->body });
}

static struct http_server *feed_server(struct event_base **base)
{
	static struct http_server *server;
	static struct loops *loops;
	struct http_server_options options = { .address = "127.0.0.1:0", .handler = answer,
					       .limits = { .body_bytes = 1 << 16 } };
	if (!server && (loops_new(1, &loops) || http_server_start(loops, &options, &server)))
		abort();
	*base = loops_base(loops, 0);
	server->per_loop[0].thread = pthread_self();
	server->per_loop[0].thread_known = true;
	return server;
}

/* `protocol` NULL: what a plain connection speaks. */
static void feed(const uint8_t *data, size_t size, const struct protocol *protocol)
{
	struct event_base *base;
	struct http_server *server = feed_server(&base);
	struct server_loop *loop = &server->per_loop[0];
	struct sockaddr_storage nobody = { .ss_family = AF_INET };
	int pair[2];
	if (size > 1 << 15 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return;
	atomic_fetch_add(&server->connection_count, 1);
	connection_open(loop, pair[0], (struct sockaddr *)&nobody);
	struct connection *c = loop->connections;
	if (c && protocol) {
		c->protocol->close(c);
		c->protocol = protocol;
		error_free(protocol->open(c));
	}
	if (write(pair[1], data, size) < 0)
		size = 0;
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	close(pair[1]);
	for (int i = 0; i < 3 && loop->connections; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	if (loop->connections)
		connection_free(loop->connections);
}
