/* HTTP/2 (RFC 9113), framed by nghttp2. Streams of one connection are answered in any order. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "net/connection.h"

enum {
	RESETS_MAX = 200,          /* streams that a client may reset before it is taken for an attack */
	OUTPUT_MAX = 256 << 10,    /* bytes: above it nothing more is taken from the session */
	OUTBOUND_ACK_MAX = 256,    /* pings and settings that wait for our answer */
	WINDOW = 1 << 20,          /* bytes of flow control for a connection and a stream */
};

struct http2 {
	nghttp2_session *session;
	struct connection *connection;
	struct exchange *streams;
	size_t receiving; /* requests that are not complete yet */
	size_t open;      /* streams that are not closed yet */
	unsigned resets;
};

static void unlink_stream(struct exchange *x)
{
	if (!x->link)
		return;
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	x->link = NULL;
}

static void link_stream(struct http2 *h, struct exchange *x)
{
	x->next = h->streams;
	x->link = &h->streams;
	if (x->next)
		x->next->link = &x->next;
	h->streams = x;
}

/* A slow request, a slow reader and an idle connection each have their time. */
static void set_deadline(struct http2 *h)
{
	const struct http_limits *limits = &h->connection->server->options.limits;
	bool writing = connection_unsent(h->connection) || nghttp2_session_want_write(h->session);
	if (h->receiving || writing)
		connection_deadline(h->connection, limits->request_s);
	else
		connection_deadline(h->connection, h->open ? 0 : limits->idle_s);
}

/* Moves what the session wants to say to the connection. */
static error *flush(struct http2 *h)
{
	while (connection_unsent(h->connection) < OUTPUT_MAX) {
		const uint8_t *data;
		ssize_t size = nghttp2_session_mem_send(h->session, &data);
		if (size < 0)
			return error_new(ERROR_INVALID, "HTTP/2: %s", nghttp2_strerror((int)size));
		if (size == 0)
			break;
		connection_write(h->connection, bytes_of(data, (size_t)size));
	}
	bool over = !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
	if (over || (h->connection->stopping && !h->open))
		connection_finish(h->connection);
	return NULL;
}

static void flush_or_close(struct http2 *h)
{
	error *e = flush(h);
	if (e)
		connection_finish(h->connection);
	error_free(e);
}

static struct exchange *stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct http2 *h = context;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct exchange *x = exchange_new(h->connection);
	if (!x)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	x->stream_id = frame->hd.stream_id;
	link_stream(h, x);
	if (!h->receiving++)
		set_deadline(h);
	h->open++;
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, x);
	return 0;
}

/* The first thing wrong decides the answer; what follows is read and dropped. */
static void note_failure(struct exchange *x, error *e, unsigned too_large)
{
	if (!e)
		return;
	enum error_code code = error_code(e);
	if (!x->failure)
		x->failure = code == ERROR_TOO_LARGE ? too_large : code == ERROR_INVALID ? 400 : 503;
	error_free(e);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
		     void *context)
{
	struct exchange *x = stream_of(session, frame->hd.stream_id);
	bytes n = bytes_of(name, name_size), v = bytes_of(value, value_size);
	(void)flags, (void)context;
	if (!x || x->complete || x->failure)
		return 0;
	if (bytes_equal_string(n, ":path")) {
		note_failure(x, exchange_set_target(x, v), 431);
	} else if (bytes_equal_string(n, ":method")) {
		char *method = arena_string(&x->x.arena, v);
		x->x.method = bytes_of(method, method ? v.size : 0);
		x->head_only = bytes_equal_string(v, "HEAD");
	} else if (n.size && n.data[0] != ':') {
		note_failure(x, exchange_add_header(x, n, v), 431);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t size,
		   void *context)
{
	struct exchange *x = stream_of(session, id);
	(void)flags, (void)context;
	if (x && !x->complete && !x->failure)
		note_failure(x, exchange_add_body(x, bytes_of(data, size)), 413);
	return 0;
}

static void request_complete(struct http2 *h, struct exchange *x)
{
	h->receiving--;
	if (!x->failure) {
		exchange_dispatch(x);
		return;
	}
	x->complete = true;
	http_respond(&x->x, &(struct http_response){ .status = x->failure });
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct exchange *x = stream_of(session, frame->hd.stream_id);
	bool carries_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	if (x && carries_request && frame->hd.flags & NGHTTP2_FLAG_END_STREAM && !x->complete)
		request_complete(context, x);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct http2 *h = context;
	struct exchange *x = stream_of(session, id);
	if (!x)
		return 0;
	h->open--;
	unlink_stream(x);
	nghttp2_session_set_stream_user_data(session, id, NULL);
	if (!x->complete)
		h->receiving--;
	if (code != NGHTTP2_NO_ERROR && ++h->resets > RESETS_MAX)
		nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
	if (x->complete && !x->answered)
		x->connection = NULL; /* with the handler: freed when its answer comes */
	else
		exchange_free(x);
	return 0;
}

static error *make_session(struct http2 *h, const nghttp2_session_callbacks *callbacks)
{
	nghttp2_option *option;
	if (nghttp2_option_new(&option) != 0)
		return error_no_memory();
	nghttp2_option_set_max_outbound_ack(option, OUTBOUND_ACK_MAX);
	nghttp2_option_set_max_settings(option, 16);
	nghttp2_option_set_no_closed_streams(option, 1);
	int failed = nghttp2_session_server_new2(&h->session, callbacks, h, option);
	nghttp2_option_del(option);
	return failed ? error_no_memory() : NULL;
}

static error *set_callbacks(struct http2 *h)
{
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return error_no_memory();
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	error *e = make_session(h, callbacks);
	nghttp2_session_callbacks_del(callbacks);
	return e;
}

static error *http2_open(struct connection *c)
{
	const struct http_limits *limits = &c->server->options.limits;
	struct http2 *h = calloc(1, sizeof *h);
	TRY_ALLOC(h);
	h->connection = c;
	c->state = h;
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
	};
	error *e = set_callbacks(h);
	if (!e && (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
					   ARRAY_SIZE(settings)) != 0 ||
		   nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0))
		e = error_no_memory();
	if (!e)
		e = flush(h);
	if (e) {
		nghttp2_session_del(h->session);
		free(h);
		c->state = NULL;
	}
	return e;
}

static error *http2_input(struct connection *c, struct evbuffer *input)
{
	struct http2 *h = c->state;
	size_t receiving = h->receiving;
	while (!c->closing && evbuffer_get_length(input)) {
		size_t size = evbuffer_get_contiguous_space(input);
		const uint8_t *data = evbuffer_pullup(input, (ev_ssize_t)size);
		ssize_t taken = nghttp2_session_mem_recv(h->session, data, size);
		if (taken < 0)
			return error_new(ERROR_INVALID, "HTTP/2: %s", nghttp2_strerror((int)taken));
		evbuffer_drain(input, (size_t)taken);
		TRY(flush(h));
	}
	/* Whoever completes a request has earned new time; whoever only drips has not. */
	if (!c->closing && (h->receiving < receiving || !h->receiving))
		set_deadline(h);
	return NULL;
}

static ssize_t read_response(nghttp2_session *session, int32_t id, uint8_t *to, size_t size,
			     uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct exchange *x = source->ptr;
	bytes part = bytes_slice(blob_view(&x->response), x->sent, size);
	(void)context;
	if (part.size)
		memcpy(to, part.data, part.size);
	x->sent += part.size;
	if (x->sent < x->response.size)
		return (ssize_t)part.size;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!x->trailer_count)
		return (ssize_t)part.size;
	nghttp2_nv *trailers = arena_alloc(&x->x.arena, x->trailer_count, sizeof *trailers);
	if (!trailers)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	for (size_t i = 0; i < x->trailer_count; i++)
		trailers[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)x->trailers[i].name.data,
					    (uint8_t *)(uintptr_t)x->trailers[i].value.data,
					    x->trailers[i].name.size, x->trailers[i].value.size, 0 };
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	if (nghttp2_submit_trailer(session, id, trailers, x->trailer_count) != 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return (ssize_t)part.size;
}

static nghttp2_nv header_of(const char *name, bytes value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value.data, strlen(name),
			     value.size, 0 };
}

static int submit(struct http2 *h, struct exchange *x)
{
	char status[16], length[32];
	nghttp2_nv headers[16];
	size_t count = 0;
	nghttp2_data_provider body = { .source.ptr = x, .read_callback = read_response };
	bool has_body = x->content_type || x->response.size;
	snprintf(status, sizeof status, "%u", x->status);
	snprintf(length, sizeof length, "%zu", x->response.size);
	headers[count++] = header_of(":status", bytes_of_string(status));
	if (x->content_type)
		headers[count++] = header_of("content-type", bytes_of_string(x->content_type));
	if (has_body && !x->trailer_count && x->response.size)
		headers[count++] = header_of("content-length", bytes_of_string(length));
	for (size_t i = 0; i < x->header_count && count < ARRAY_SIZE(headers); i++)
		headers[count++] = (nghttp2_nv){ (uint8_t *)(uintptr_t)x->headers[i].name.data,
						 (uint8_t *)(uintptr_t)x->headers[i].value.data,
						 x->headers[i].name.size, x->headers[i].value.size, 0 };
	bool data = !x->head_only && (x->response.size || x->trailer_count);
	return nghttp2_submit_response(h->session, x->stream_id, headers, count, data ? &body : NULL);
}

static void http2_respond(struct connection *c, struct exchange *x)
{
	struct http2 *h = c->state;
	if (submit(h, x) != 0)
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->stream_id,
					  NGHTTP2_INTERNAL_ERROR);
	if (c->in_input)
		return; /* the input loop flushes */
	flush_or_close(h);
	if (!c->closing)
		set_deadline(h);
}

static void http2_writable(struct connection *c)
{
	struct http2 *h = c->state;
	flush_or_close(h);
	if (!c->closing && !h->receiving)
		set_deadline(h);
}

static void http2_stop(struct connection *c)
{
	struct http2 *h = c->state;
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL,
			      0);
	flush_or_close(h);
}

static void http2_close(struct connection *c)
{
	struct http2 *h = c->state;
	while (h->streams) {
		struct exchange *x = h->streams;
		unlink_stream(x);
		if (x->complete && !x->answered)
			x->connection = NULL; /* with the handler */
		else
			exchange_free(x);
	}
	nghttp2_session_del(h->session);
	free(h);
}

const struct protocol http2_protocol = { http2_open, http2_input, http2_respond, http2_writable,
					 http2_stop, http2_close };
