#include "net/connection.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "net/address.h"
#include "net/server_internal.h"
#include "net/tls_internal.h"



static void on_deadline(evutil_socket_t none, short what, void *context)
{
	(void)none, (void)what;
	connection_free(context);
}

void connection_deadline(struct connection *c, unsigned seconds)
{
	struct timeval until = { (time_t)seconds, 0 };
	if (seconds)
		evtimer_add(c->deadline, &until);
	else
		evtimer_del(c->deadline);
}

void connection_write(struct connection *c, bytes data)
{
	if (data.size)
		bufferevent_write(c->stream, data.data, data.size);
}

void connection_write_all(struct connection *c, const bytes *parts, size_t count)
{
	struct evbuffer *output = bufferevent_get_output(c->stream);
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	evbuffer_expand(output, size); /* without the room it still works */
	for (size_t i = 0; i < count; i++)
		connection_write(c, parts[i]);
}

size_t connection_unsent(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->stream));
}

void connection_finish(struct connection *c)
{
	c->closing = true;
	bufferevent_disable(c->stream, EV_READ);
	connection_deadline(c, c->server->options.limits.request_s);
	/* With nothing left to write the loop closes it at once, but not under the caller's feet. */
	if (!connection_unsent(c))
		bufferevent_trigger(c->stream, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
}

/* The protocol takes input until it is busy, short of input, or done with the connection. */
static void feed(struct connection *c)
{
	if (!c->protocol || c->closing || c->in_input)
		return;
	c->in_input = true;
	error *e = c->protocol->input(c, bufferevent_get_input(c->stream));
	c->in_input = false;
	if (e && !c->closing)
		connection_finish(c);
	error_free(e);
}

void connection_resume(struct connection *c)
{
	feed(c);
}

static void on_readable(struct bufferevent *stream, void *context)
{
	(void)stream;
	feed(context);
}

static void on_writable(struct bufferevent *stream, void *context)
{
	struct connection *c = context;
	(void)stream;
	if (c->closing && !connection_unsent(c))
		connection_free(c);
	else if (c->protocol && !c->closing)
		c->protocol->writable(c);
}

static error *copy_peer_certificate(struct connection *c, SSL *ssl)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	unsigned char *der = NULL;
	int size = certificate ? i2d_X509(certificate, &der) : 0;
	if (size <= 0)
		return NULL;
	error *e = blob_copy(bytes_of(der, (size_t)size), &c->peer_certificate);
	OPENSSL_free(der);
	return e;
}

static error *choose_protocol(struct connection *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->stream);
	const unsigned char *name = NULL;
	unsigned size = 0;
	if (ssl) {
		SSL_get0_alpn_selected(ssl, &name, &size);
		TRY(copy_peer_certificate(c, ssl));
	}
	bool h2 = bytes_equal_string(bytes_of(name, size), "h2");
	const struct protocol *protocol = h2 ? &http2_protocol : &http1_protocol;
	TRY(protocol->open(c));
	c->protocol = protocol;
	connection_deadline(c, c->server->options.limits.idle_s);
	if (c->stopping)
		protocol->stop(c);
	return NULL;
}

static void on_event(struct bufferevent *stream, short what, void *context)
{
	struct connection *c = context;
	(void)stream;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		connection_free(c);
		return;
	}
	if (!(what & BEV_EVENT_CONNECTED) || c->protocol)
		return;
	error *e = choose_protocol(c);
	if (e)
		connection_free(c);
	else
		feed(c);
	error_free(e);
}

static struct bufferevent *open_stream(struct server_loop *loop, evutil_socket_t descriptor)
{
	struct tls_server *tls = loop->server->options.tls;
	int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
	if (!tls)
		return bufferevent_socket_new(loop->base, descriptor, options);
	SSL *ssl = tls_server_accept(tls);
	if (!ssl)
		return NULL;
	struct bufferevent *stream = bufferevent_openssl_socket_new(
		loop->base, descriptor, ssl, BUFFEREVENT_SSL_ACCEPTING, options);
	if (stream) /* a peer that just closes is no error worth a story */
		bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	else
		SSL_free(ssl);
	return stream;
}

static void link_connection(struct connection *c)
{
	c->next = c->loop->connections;
	c->link = &c->loop->connections;
	if (c->next)
		c->next->link = &c->next;
	c->loop->connections = c;
}

static error *start_connection(struct connection *c)
{
	c->deadline = evtimer_new(c->loop->base, on_deadline, c);
	TRY_ALLOC(c->deadline);
	bufferevent_setcb(c->stream, on_readable, on_writable, on_event, c);
	bufferevent_setwatermark(c->stream, EV_READ, 0, 64 << 10);
	bufferevent_setwatermark(c->stream, EV_WRITE, 0, 0);
	connection_deadline(c, c->server->options.limits.handshake_s);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
	return c->server->options.tls ? NULL : choose_protocol(c);
}

void connection_open(struct server_loop *loop, evutil_socket_t descriptor,
		     const struct sockaddr *address)
{
	struct connection *c = calloc(1, sizeof *c);
	struct bufferevent *stream = c ? open_stream(loop, descriptor) : NULL;
	if (!stream) {
		free(c);
		close(descriptor);
		server_connection_gone(loop->server);
		return;
	}
	*c = (struct connection){ .server = loop->server, .loop = loop, .stream = stream };
	address_print(address, c->peer_address, sizeof c->peer_address);
	link_connection(c);
	error *e = start_connection(c);
	if (e)
		connection_free(c);
	error_free(e);
}

void connection_free(struct connection *c)
{
	struct http_server *server = c->server;
	SSL *ssl = bufferevent_openssl_get_ssl(c->stream);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	if (c->protocol)
		c->protocol->close(c);
	if (ssl && SSL_is_init_finished(ssl)) {
		/* Our close_notify leaves if the socket takes it; we do not wait for theirs. */
		SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
		SSL_shutdown(ssl);
	}
	if (c->deadline)
		event_free(c->deadline);
	bufferevent_free(c->stream);
	blob_free(&c->peer_certificate);
	free(c);
	server_connection_gone(server);
}
