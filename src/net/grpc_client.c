/* A gRPC client for one call at a time: blocking TLS with time limits, framing by nghttp2. */
#include <errno.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/reader.h"
#include "net/address.h"
#include "net/grpc.h"
#include "net/tls_internal.h"

enum { DEFAULT_TIMEOUT_S = 30, DEFAULT_RESPONSE_MAX = 64 << 20, WINDOW = 1 << 20, MESSAGE_MAX = 4096 };

struct grpc_client {
	int descriptor;
	SSL_CTX *context;
	SSL *ssl;
	X509 *pinned; /* NULL: any server */
	nghttp2_session *session;
	char *authority;
	unsigned timeout_s;
	size_t response_max;
	int64_t deadline; /* of what is under way, monotonic ms */
	/* the call under way */
	bytes request; /* framed */
	size_t sent;
	struct writer body, message;
	int http_status, grpc_status; /* -1: not seen */
	bool finished;
};

static error *timed_out(const char *what)
{
	return error_new(ERROR_UNAVAILABLE, "%s took too long", what);
}

static error *wait_for(const struct grpc_client *c, short events, const char *what)
{
	struct pollfd waited = { .fd = c->descriptor, .events = events };
	for (;;) {
		int64_t left = c->deadline - clock_monotonic_ms();
		if (left <= 0)
			return timed_out(what);
		int ready = poll(&waited, 1, (int)(left > 1000000 ? 1000000 : left));
		if (ready > 0)
			return NULL;
		if (ready < 0 && errno != EINTR)
			return error_errno(ERROR_INTERNAL, errno, "waiting for %s", what);
	}
}

/* After an operation of OpenSSL that returned `result` ≤ 0: waits for what it wants, or says why it
 * failed. */
static error *tls_wait(const struct grpc_client *c, int result, const char *what)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(c, POLLIN, what);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(c, POLLOUT, what);
	case SSL_ERROR_SYSCALL:
	case SSL_ERROR_ZERO_RETURN:
		ERR_clear_error();
		return error_new(ERROR_UNAVAILABLE, "%s: the server closed the connection", what);
	default:
		return tls_error(ERROR_UNAVAILABLE, what);
	}
}

static error *connect_to(struct grpc_client *c, const struct addrinfo *to)
{
	int failure = 0;
	socklen_t size = sizeof failure;
	c->descriptor = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->descriptor < 0)
		return error_errno(ERROR_UNAVAILABLE, errno, "opening a socket");
	if (connect(c->descriptor, to->ai_addr, to->ai_addrlen) == 0)
		return NULL;
	if (errno != EINPROGRESS)
		return error_errno(ERROR_UNAVAILABLE, errno, "connecting");
	TRY(wait_for(c, POLLOUT, "connecting"));
	if (getsockopt(c->descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure)
		return error_errno(ERROR_UNAVAILABLE, failure ? failure : errno, "connecting");
	return NULL;
}

static void close_descriptor(struct grpc_client *c)
{
	if (c->descriptor >= 0)
		close(c->descriptor);
	c->descriptor = -1;
}

static error *connect_any(struct grpc_client *c, const char *address)
{
	char host[256], port[8];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	TRY(address_split(address, host, port));
	int failed = address_look_up(*host ? host : "localhost", port, &hints, &all);
	if (failed)
		return error_new(ERROR_UNAVAILABLE, "%s: %s", address, gai_strerror(failed));
	error *e = error_new(ERROR_UNAVAILABLE, "no address");
	for (const struct addrinfo *to = all; to && e; to = to->ai_next) {
		error_free(e);
		close_descriptor(c);
		e = connect_to(c, to);
	}
	freeaddrinfo(all);
	return error_wrap(e, "%s", address);
}

/* Without a pinned certificate the caller looks at it (grpc_client_peer) before it says anything. */
static int accept_server(X509_STORE_CTX *context, void *argument)
{
	const struct grpc_client *c = argument;
	const X509 *shown = X509_STORE_CTX_get0_cert(context);
	if (!c->pinned || (shown && X509_cmp(shown, c->pinned) == 0))
		return 1;
	X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_UNTRUSTED);
	return 0;
}

static error *make_tls(struct grpc_client *c, const struct grpc_client_options *options)
{
	static const unsigned char h2[] = { 2, 'h', '2' };
	TRY(tls_context_new(TLS_client_method(), false, &c->context));
	SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(c->context, accept_server, c);
	if (options->certificate && (!SSL_CTX_use_certificate(c->context, options->certificate) ||
				     !SSL_CTX_use_PrivateKey(c->context, options->key)))
		return tls_error(ERROR_INVALID, "client certificate and key");
	c->ssl = SSL_new(c->context);
	if (!c->ssl || !SSL_set_fd(c->ssl, c->descriptor) || SSL_set_alpn_protos(c->ssl, h2, sizeof h2) != 0)
		return error_no_memory();
	return NULL;
}

static error *handshake(struct grpc_client *c, char *host)
{
	const unsigned char *protocol;
	unsigned size;
	int done;
	if (host[0] && !(host[0] >= '0' && host[0] <= '9') && !strchr(host, ':'))
		SSL_set_tlsext_host_name(c->ssl, host);
	while ((done = SSL_connect(c->ssl)) != 1) {
		error *e = tls_wait(c, done, "TLS handshake");
		if (e && SSL_get_verify_result(c->ssl) == X509_V_ERR_CERT_UNTRUSTED) {
			error_free(e);
			return error_new(ERROR_DENIED, "the server shows another certificate than the one that is "
					 "expected");
		}
		TRY(e);
	}
	SSL_get0_alpn_selected(c->ssl, &protocol, &size);
	if (!bytes_equal_string(bytes_of(protocol, size), "h2"))
		return error_new(ERROR_UNAVAILABLE, "the server does not speak HTTP/2, as gRPC does");
	return NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
		     void *context)
{
	struct grpc_client *c = context;
	bytes n = bytes_of(name, name_size), v = bytes_of(value, value_size);
	char number[16];
	(void)session, (void)frame, (void)flags;
	snprintf(number, sizeof number, "%.*s", (int)(v.size < 15 ? v.size : 15), (const char *)v.data);
	if (bytes_equal_string(n, ":status"))
		c->http_status = (int)strtol(number, NULL, 10);
	else if (bytes_equal_string(n, "grpc-status"))
		c->grpc_status = (int)strtol(number, NULL, 10);
	else if (bytes_equal_string(n, "grpc-message"))
		write_bytes(&c->message, bytes_slice(v, 0, MESSAGE_MAX));
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t size,
		   void *context)
{
	struct grpc_client *c = context;
	(void)session, (void)flags, (void)id;
	write_bytes(&c->body, bytes_of(data, size));
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct grpc_client *c = context;
	(void)session, (void)id, (void)code;
	c->finished = true;
	return 0;
}

static error *make_session(struct grpc_client *c)
{
	nghttp2_session_callbacks *callbacks;
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW }, { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 }
	};
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return error_no_memory();
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	int failed = nghttp2_session_client_new(&c->session, callbacks, c);
	nghttp2_session_callbacks_del(callbacks);
	if (failed || nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
					      ARRAY_SIZE(settings)) != 0 ||
	    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0)
		return error_no_memory();
	return NULL;
}

static void restart_clock(struct grpc_client *c)
{
	c->deadline = clock_monotonic_ms() + (int64_t)c->timeout_s * 1000;
}

error *grpc_client_connect(const struct grpc_client_options *options, struct grpc_client **ret)
{
	CLEANUP(grpc_client_free) struct grpc_client *c = calloc(1, sizeof *c);
	char host[256], port[8];
	TRY_ALLOC(c);
	c->descriptor = -1;
	if (options->pinned && X509_up_ref(options->pinned))
		c->pinned = options->pinned;
	c->timeout_s = options->timeout_s ? options->timeout_s : DEFAULT_TIMEOUT_S;
	c->response_max = options->response_bytes ? options->response_bytes : DEFAULT_RESPONSE_MAX;
	restart_clock(c);
	TRY(address_split(options->address, host, port));
	c->authority = strdup(options->address);
	TRY_ALLOC(c->authority);
	TRY(connect_any(c, options->address));
	TRY(make_tls(c, options));
	TRY_CTX(handshake(c, host), "%s", options->address);
	TRY(make_session(c));
	*ret = TAKE(c);
	return NULL;
}

X509 *grpc_client_peer(const struct grpc_client *client)
{
	return SSL_get0_peer_certificate(client->ssl);
}

static error *write_all(struct grpc_client *c, bytes data)
{
	while (data.size) {
		size_t put = 0;
		int done = SSL_write_ex(c->ssl, data.data, data.size, &put);
		if (!done)
			TRY(tls_wait(c, done, "sending the request"));
		data = bytes_slice(data, put, SIZE_MAX);
	}
	return NULL;
}

static error *send_pending(struct grpc_client *c)
{
	for (;;) {
		const uint8_t *data;
		ssize_t size = nghttp2_session_mem_send(c->session, &data);
		if (size < 0)
			return error_new(ERROR_UNAVAILABLE, "HTTP/2: %s", nghttp2_strerror((int)size));
		if (size == 0)
			return NULL;
		TRY(write_all(c, bytes_of(data, (size_t)size)));
	}
}

static error *receive_some(struct grpc_client *c)
{
	uint8_t data[16 << 10];
	size_t got = 0;
	int done;
	while (!(done = SSL_read_ex(c->ssl, data, sizeof data, &got)))
		TRY(tls_wait(c, done, "waiting for the answer"));
	ssize_t taken = nghttp2_session_mem_recv(c->session, data, got);
	explicit_bzero(data, got);
	if (taken < 0)
		return error_new(ERROR_UNAVAILABLE, "HTTP/2: %s", nghttp2_strerror((int)taken));
	return writer_check(&c->body, "the server's answer");
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *to, size_t size,
			    uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct grpc_client *c = context;
	bytes part = bytes_slice(c->request, c->sent, size);
	(void)session, (void)id, (void)source;
	memcpy(to, part.data, part.size);
	c->sent += part.size;
	if (c->sent == c->request.size)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)part.size;
}

static nghttp2_nv header_of(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			     strlen(value), 0 };
}

static error *exchange(struct grpc_client *c, const char *path, const char *content_type)
{
	const nghttp2_nv headers[] = {
		header_of(":method", "POST"), header_of(":scheme", "https"), header_of(":path", path),
		header_of(":authority", c->authority), header_of("te", "trailers"),
		header_of("content-type", content_type),
		header_of("user-agent", "marblerun/" MARBLERUN_VERSION),
	};
	nghttp2_data_provider body = { .read_callback = read_request };
	if (nghttp2_submit_request(c->session, NULL, headers, ARRAY_SIZE(headers), &body, NULL) < 0)
		return error_no_memory();
	TRY(send_pending(c));
	while (!c->finished) {
		TRY(receive_some(c));
		TRY(send_pending(c));
	}
	return NULL;
}

static enum error_code code_of_status(int status)
{
	switch (status) {
	case GRPC_INVALID_ARGUMENT:
		return ERROR_INVALID;
	case GRPC_NOT_FOUND:
		return ERROR_NOT_FOUND;
	case GRPC_PERMISSION_DENIED:
		return ERROR_DENIED;
	case GRPC_UNAUTHENTICATED:
		return ERROR_UNAUTHENTICATED;
	case GRPC_FAILED_PRECONDITION:
		return ERROR_WRONG_STATE;
	case GRPC_UNIMPLEMENTED:
		return ERROR_UNSUPPORTED;
	case GRPC_UNAVAILABLE:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_RESOURCE_EXHAUSTED:
		return ERROR_UNAVAILABLE;
	default:
		return ERROR_INTERNAL;
	}
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* grpc-message is percent-encoded; what the server says is for people: no control characters. */
static char *decode_message(bytes text)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c == '%' && i + 2 < text.size) {
			int high = hex_value(text.data[i + 1]), low = hex_value(text.data[i + 2]);
			if (high >= 0 && low >= 0) {
				c = (uint8_t)(high << 4 | low);
				i += 2;
			}
		}
		write_u8(&w, c < 0x20 || c == 0x7f ? ' ' : c);
	}
	return writer_take_string(&w);
}

static error *server_error(const struct grpc_client *c)
{
	if (c->grpc_status < 0)
		return error_new(ERROR_UNAVAILABLE, "the server answered with HTTP status %d and no gRPC "
				 "status", c->http_status);
	CLEANUP_FREE char *message = decode_message(writer_view(&c->message));
	TRY_ALLOC(message);
	return error_new(code_of_status(c->grpc_status), "%s", message);
}

static error *unframe(bytes body, struct blob *ret)
{
	struct reader r = reader_of(body);
	uint8_t compressed = read_u8(&r);
	uint32_t size = read_be32(&r);
	bytes message = read_view(&r, size);
	TRY(reader_finish(&r, "the server's answer"));
	if (compressed)
		return error_new(ERROR_UNSUPPORTED, "the server's answer is compressed");
	return blob_copy(message, ret);
}

/* Sends and receives; what came is in the client. */
static error *call(struct grpc_client *c, const char *path, const char *content_type, bytes request)
{
	c->request = request;
	c->sent = 0;
	c->http_status = c->grpc_status = -1;
	c->finished = false;
	c->body.limit = c->response_max;
	c->body.secret = true;
	writer_reset(&c->body);
	writer_reset(&c->message);
	restart_clock(c);
	error *e = exchange(c, path, content_type);
	c->request = BYTES_EMPTY;
	return e;
}

error *grpc_client_call(struct grpc_client *client, const char *path, bytes request,
			enum grpc_status *status, struct blob *ret)
{
	CLEANUP(writer_free) struct writer framed = { .secret = true };
	write_u8(&framed, 0);
	write_be32(&framed, (uint32_t)request.size);
	write_bytes(&framed, request);
	TRY(writer_check(&framed, "request"));
	*status = GRPC_OK;
	error *e = call(client, path, "application/grpc", writer_view(&framed));
	if (!e && client->grpc_status == GRPC_OK) {
		e = unframe(writer_view(&client->body), ret);
	} else if (!e) {
		*status = client->grpc_status < 0 ? GRPC_UNAVAILABLE : (enum grpc_status)client->grpc_status;
		e = server_error(client);
	}
	writer_reset(&client->body);
	return e;
}

error *grpc_client_post(struct grpc_client *client, const char *path, const char *content_type, bytes body,
			int *ret_status, struct blob *ret)
{
	TRY(call(client, path, content_type, body));
	if (client->http_status < 0)
		return error_new(ERROR_UNAVAILABLE, "the server ended the request without an answer");
	TRY(blob_copy(writer_view(&client->body), ret));
	*ret_status = client->http_status;
	writer_reset(&client->body);
	return NULL;
}

void grpc_client_free(struct grpc_client *client)
{
	if (!client)
		return;
	if (client->ssl && SSL_is_init_finished(client->ssl))
		SSL_shutdown(client->ssl);
	ERR_clear_error();
	nghttp2_session_del(client->session);
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	X509_free(client->pinned);
	close_descriptor(client);
	free(client->authority);
	writer_free(&client->body);
	writer_free(&client->message);
	free(client);
}
