#include "net/http_server.h"

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "net/address.h"
#include "net/server_internal.h"

enum { BACKLOG = 4096, LISTEN_AGAIN_MS = 100 };

static void fill_limits(struct http_limits *l)
{
	static const struct http_limits defaults = {
		.header_bytes = 32 << 10, .body_bytes = 16 << 20, .handshake_s = 10, .request_s = 30,
		.idle_s = 120, .connections = 4096, .streams = 32, .memory_bytes = 256 << 20,
	};
	l->header_bytes = l->header_bytes ? l->header_bytes : defaults.header_bytes;
	l->body_bytes = l->body_bytes ? l->body_bytes : defaults.body_bytes;
	l->handshake_s = l->handshake_s ? l->handshake_s : defaults.handshake_s;
	l->request_s = l->request_s ? l->request_s : defaults.request_s;
	l->idle_s = l->idle_s ? l->idle_s : defaults.idle_s;
	l->connections = l->connections ? l->connections : defaults.connections;
	l->streams = l->streams ? l->streams : defaults.streams;
	l->memory_bytes = l->memory_bytes ? l->memory_bytes : defaults.memory_bytes;
}

/* A connection on its way to its loop. */
struct arrival {
	struct server_loop *loop;
	evutil_socket_t descriptor;
	struct sockaddr_storage address;
};

static void arrive(void *context)
{
	struct arrival *arrival = context;
	struct server_loop *loop = arrival->loop;
	if (!loop->thread_known) { /* once: workers read it as soon as there is a request */
		loop->thread = pthread_self();
		loop->thread_known = true;
	}
	connection_open(loop, arrival->descriptor, (struct sockaddr *)&arrival->address);
	free(arrival);
}

static bool admit(struct http_server *server)
{
	unsigned limit = server->options.limits.connections;
	if (atomic_fetch_add(&server->connection_count, 1) < limit && !atomic_load(&server->stopping))
		return true;
	atomic_fetch_sub(&server->connection_count, 1);
	return false;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t descriptor,
		      struct sockaddr *address, int size, void *context)
{
	struct http_server *server = context;
	struct server_loop *loop = &server->per_loop[server->next_loop++ % server->loop_count];
	struct arrival *arrival = admit(server) ? malloc(sizeof *arrival) : NULL;
	int on = 1;
	(void)listener;
	if (!arrival) {
		close(descriptor);
		return;
	}
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	*arrival = (struct arrival){ .loop = loop, .descriptor = descriptor };
	memcpy(&arrival->address, address, (size_t)size);
	error *e = loop_post(loop->base, arrive, arrival);
	if (e) {
		free(arrival);
		close(descriptor);
		server_connection_gone(server);
	}
	error_free(e);
}

/* Out of descriptors or memory: accepting again at once would only fail again. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	static const struct timeval pause = { 0, LISTEN_AGAIN_MS * 1000 };
	struct http_server *server = context;
	evconnlistener_disable(listener);
	evtimer_add(server->listen_again, &pause);
}

static void on_listen_again(evutil_socket_t none, short what, void *context)
{
	struct http_server *server = context;
	(void)none, (void)what;
	if (!atomic_load(&server->stopping))
		evconnlistener_enable(server->listener);
}

static int open_socket(const struct addrinfo *to)
{
	int on = 1, off = 0;
	int descriptor = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -1;
	setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (to->ai_family == AF_INET6)
		setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(descriptor, to->ai_addr, to->ai_addrlen) == 0 && listen(descriptor, BACKLOG) == 0)
		return descriptor;
	int saved = errno;
	close(descriptor);
	errno = saved;
	return -1;
}

static error *listen_on(const char *address, int *ret)
{
	char host[256], port[8];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *all = NULL;
	TRY(address_split(address, host, port));
	int failed;
	/* All interfaces: one IPv6 socket takes IPv4 too, where the machine has IPv6. */
	hints.ai_family = *host ? AF_UNSPEC : AF_INET6;
	failed = address_look_up(*host ? host : NULL, port, &hints, &all);
	if (failed)
		return error_new(ERROR_INVALID, "%s: %s", address, gai_strerror(failed));
	int descriptor = -1;
	for (const struct addrinfo *to = all; to && descriptor < 0; to = to->ai_next)
		descriptor = open_socket(to);
	int reason = errno;
	freeaddrinfo(all);
	if (descriptor < 0 && !*host && reason == EAFNOSUPPORT) {
		uint16_t number = (uint16_t)strtoul(port, NULL, 10);
		struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(number) };
		struct addrinfo to = { .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any,
				       .ai_addrlen = sizeof any };
		descriptor = open_socket(&to);
		reason = errno;
	}
	if (descriptor < 0)
		return error_errno(ERROR_UNAVAILABLE, reason, "listening on %s", address);
	*ret = descriptor;
	return NULL;
}

static uint16_t port_of(int descriptor)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof address;
	struct sockaddr_in in;
	if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
		return 0;
	memcpy(&in, &address, sizeof in); /* the port lies at the same place for both families */
	return ntohs(in.sin_port);
}

static error *open_listener(struct http_server *server)
{
	struct event_base *base = loops_base(server->loops, 0);
	int descriptor;
	server->listen_again = evtimer_new(base, on_listen_again, server);
	TRY_ALLOC(server->listen_again);
	TRY(listen_on(server->options.address, &descriptor));
	server->port = port_of(descriptor);
	server->listener = evconnlistener_new(base, on_accept, server,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, descriptor);
	if (!server->listener) {
		close(descriptor);
		return error_no_memory();
	}
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	return NULL;
}

error *http_server_start(struct loops *loops, const struct http_server_options *options,
			 struct http_server **ret)
{
	CLEANUP(http_server_free) struct http_server *server = calloc(1, sizeof *server);
	TRY_ALLOC(server);
	server->options = *options;
	fill_limits(&server->options.limits);
	server->loops = loops;
	server->loop_count = loops_count(loops);
	server->per_loop = calloc(server->loop_count, sizeof *server->per_loop);
	TRY_ALLOC(server->per_loop);
	for (unsigned i = 0; i < server->loop_count; i++) {
		server->per_loop[i].server = server;
		server->per_loop[i].base = loops_base(loops, i);
	}
	TRY(open_listener(server));
	*ret = TAKE(server);
	return NULL;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

/* In loop 0, at most once. */
static void report_drained(void *context)
{
	struct http_server *server = context;
	void (*drained)(void *) = server->drained;
	server->drained = NULL;
	if (server->stop_deadline)
		evtimer_del(server->stop_deadline);
	if (drained)
		drained(server->drained_context);
}

void server_connection_gone(struct http_server *server)
{
	if (atomic_fetch_sub(&server->connection_count, 1) == 1 && atomic_load(&server->stopping))
		error_free(loop_post(loops_base(server->loops, 0), report_drained, server));
}

static void stop_connections(void *context)
{
	struct server_loop *loop = context;
	struct connection *next;
	for (struct connection *c = loop->connections; c; c = next) {
		next = c->next;
		c->stopping = true;
		if (c->protocol)
			c->protocol->stop(c);
		else
			connection_free(c);
	}
}

static void on_stop_deadline(evutil_socket_t none, short what, void *context)
{
	(void)none, (void)what;
	report_drained(context);
}

struct stop {
	struct http_server *server;
	unsigned limit_s;
};

/* In loop 0. */
static void begin_stop(void *context)
{
	struct stop stop = *(struct stop *)context;
	struct http_server *server = stop.server;
	struct timeval limit = { (time_t)stop.limit_s, 0 };
	free(context);
	evconnlistener_disable(server->listener);
	evconnlistener_free(TAKE(server->listener));
	server->stop_deadline = evtimer_new(loops_base(server->loops, 0), on_stop_deadline, server);
	if (server->stop_deadline)
		evtimer_add(server->stop_deadline, &limit);
	for (unsigned i = 0; i < server->loop_count; i++)
		error_free(loop_post(server->per_loop[i].base, stop_connections, &server->per_loop[i]));
	/* The server itself counts as one connection until here, so that "none left" is seen once. */
	server_connection_gone(server);
}

void http_server_stop(struct http_server *server, unsigned limit_s, void (*drained)(void *context),
		      void *context)
{
	struct stop *stop = malloc(sizeof *stop);
	server->drained = drained;
	server->drained_context = context;
	atomic_fetch_add(&server->connection_count, 1);
	atomic_store(&server->stopping, true);
	error *e = stop ? NULL : error_no_memory();
	if (!e) {
		*stop = (struct stop){ server, limit_s };
		e = loop_post(loops_base(server->loops, 0), begin_stop, stop);
	}
	if (e) { /* no memory even for this: stop hard */
		error_free(e);
		free(stop);
		drained(context);
	}
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	server->drained = NULL;
	for (unsigned i = 0; server->per_loop && i < server->loop_count; i++)
		while (server->per_loop[i].connections)
			connection_free(server->per_loop[i].connections);
	if (server->listener)
		evconnlistener_free(server->listener);
	if (server->listen_again)
		event_free(server->listen_again);
	if (server->stop_deadline)
		event_free(server->stop_deadline);
	free(server->per_loop);
	free(server);
}
