#include "call.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

struct call {
	SSL *tls;
	nghttp2_session *session;
	bytes message;  /* what is still to be sent */
	int status;
	bool ended, broken;
};

void call_target_open(const char *port, struct call_target *ret)
{
	static const unsigned char h2[] = { 2, 'h', '2' };
	*ret = (struct call_target){ .context = make_context(false),
				     .address = { .sin_family = AF_INET,
						  .sin_port = htons((uint16_t)atoi(port)),
						  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	SSL_CTX_set_alpn_protos(ret->context, h2, sizeof h2);
	SSL_CTX_set_mode(ret->context, SSL_MODE_AUTO_RETRY);
}

static ssize_t send_more(nghttp2_session *session, const uint8_t *data, size_t size, int flags,
			 void *context)
{
	struct call *c = context;
	size_t written;
	(void)session, (void)flags;
	if (SSL_write_ex(c->tls, data, size, &written) == 1)
		return (ssize_t)written;
	c->broken = true;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static ssize_t read_message(nghttp2_session *session, int32_t stream, uint8_t *to, size_t size,
			    uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct call *c = context;
	(void)session, (void)stream, (void)source;
	bytes part = bytes_slice(c->message, 0, size);
	memcpy(to, part.data, part.size);
	c->message = bytes_slice(c->message, part.size, SIZE_MAX);
	if (!c->message.size)
		*flags = NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)part.size;
}

static int header_came(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		       size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
		       void *context)
{
	struct call *c = context;
	(void)session, (void)frame, (void)flags, (void)value_size;
	if (bytes_equal_string(bytes_of(name, name_size), "grpc-status"))
		c->status = atoi((const char *)value);
	return 0;
}

static int stream_closed(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
	struct call *c = context;
	(void)session, (void)stream, (void)code;
	c->ended = true;
	return 0;
}

static nghttp2_session *new_session(struct call *c)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	must(nghttp2_session_callbacks_new(&callbacks) == 0, "memory");
	nghttp2_session_callbacks_set_send_callback(callbacks, send_more);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, header_came);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
	must(nghttp2_session_client_new(&session, callbacks, c) == 0, "memory");
	nghttp2_session_callbacks_del(callbacks);
	return session;
}

#define HEADER(n, v)                                                                               \
	{ (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), sizeof(n) - 1, sizeof(v) - 1, 0 }

static void submit(struct call *c)
{
	static const nghttp2_nv headers[] = {
		HEADER(":method", "POST"), HEADER(":scheme", "https"),
		HEADER(":authority", "localhost"), HEADER(":path", "/rpc.Marble/Activate"),
		HEADER("content-type", "application/grpc"), HEADER("te", "trailers"),
	};
	nghttp2_data_provider body = { .read_callback = read_message };
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
	must(nghttp2_submit_request(c->session, NULL, headers, ARRAY_SIZE(headers), &body, NULL) > 0,
	     "request");
}

static void exchange(struct call *c)
{
	uint8_t buffer[16384];
	size_t size;
	submit(c);
	while (!c->ended && !c->broken) {
		if (nghttp2_session_send(c->session) != 0 ||
		    SSL_read_ex(c->tls, buffer, sizeof buffer, &size) != 1 ||
		    nghttp2_session_mem_recv(c->session, buffer, size) < 0)
			c->broken = true;
	}
}

static SSL *connect_to(const struct call_target *target, const struct fleet_marble *marble)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0, "socket");
	if (connect(fd, (const struct sockaddr *)&target->address, sizeof target->address) != 0) {
		close(fd);
		return NULL;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	SSL *tls = SSL_new(target->context);
	must(tls && SSL_use_certificate(tls, marble->certificate) == 1 &&
	     SSL_use_PrivateKey(tls, marble->key) == 1 && SSL_set_fd(tls, fd) == 1, "connection");
	return tls;
}

int call_activate(const struct call_target *target, const struct fleet_marble *marble)
{
	struct call c = { .message = blob_view(&marble->message), .status = -1 };
	c.tls = connect_to(target, marble);
	if (!c.tls)
		return -1;
	if (SSL_connect(c.tls) == 1) {
		c.session = new_session(&c);
		exchange(&c);
		nghttp2_session_del(c.session);
	}
	int fd = SSL_get_fd(c.tls);
	SSL_free(c.tls);
	close(fd);
	return c.ended ? c.status : -1;
}
