/* HTTP/1.1 (RFC 9112), parsed by http_parser. One request at a time; pipelined ones wait. */
#include <http_parser.h>
#include <stdio.h>
#include <string.h>

#include "net/connection.h"

enum { OUTPUT_MAX = 64 << 10 }; /* bytes not taken yet, beyond which no more is answered */

struct http1 {
	http_parser parser;
	struct connection *connection;
	struct exchange *receiving; /* until it is complete */
	struct exchange *answering; /* with the handler */
	struct writer target, name, value;
	bool value_seen;
	error *failure;             /* of a callback; ends the connection */
	unsigned failure_status;
};

static struct http1 *http1_of(http_parser *parser)
{
	return parser->data;
}

/* Ends parsing; the error's status is the answer. */
static int fail(struct http1 *h, error *e)
{
	if (!h->failure)
		h->failure = e;
	else
		error_free(e);
	switch (error_code(h->failure)) {
	case ERROR_TOO_LARGE:
		h->failure_status = h->receiving && h->receiving->charged ? 413 : 431;
		break;
	case ERROR_INVALID:
		h->failure_status = 400;
		break;
	default:
		h->failure_status = 503;
		break;
	}
	return 1;
}

static int result(struct http1 *h, error *e)
{
	return e ? fail(h, e) : 0;
}

static int on_begin(http_parser *parser)
{
	struct http1 *h = http1_of(parser);
	struct connection *c = h->connection;
	h->receiving = exchange_new(c);
	if (!h->receiving)
		return fail(h, error_no_memory());
	size_t limit = c->server->options.limits.header_bytes;
	h->target.limit = h->name.limit = h->value.limit = limit;
	connection_deadline(c, c->server->options.limits.request_s);
	return 0;
}

static int append(struct http1 *h, struct writer *to, const char *at, size_t size)
{
	write_bytes(to, bytes_of(at, size));
	return result(h, writer_check(to, "a header of the request"));
}

static int on_url(http_parser *parser, const char *at, size_t size)
{
	return append(http1_of(parser), &http1_of(parser)->target, at, size);
}

static int add_header(struct http1 *h)
{
	error *e = NULL;
	if (h->value_seen)
		e = exchange_add_header(h->receiving, writer_view(&h->name), writer_view(&h->value));
	writer_reset(&h->name);
	writer_reset(&h->value);
	h->value_seen = false;
	return result(h, e);
}

static int on_header_field(http_parser *parser, const char *at, size_t size)
{
	struct http1 *h = http1_of(parser);
	if (h->value_seen && add_header(h) != 0)
		return 1;
	return append(h, &h->name, at, size);
}

static int on_header_value(http_parser *parser, const char *at, size_t size)
{
	http1_of(parser)->value_seen = true;
	return append(http1_of(parser), &http1_of(parser)->value, at, size);
}

/* Messages whose end two parties could see at different places are refused (RFC 9112 section 6.3). */
static error *check_framing(const struct http1 *h)
{
	const struct http_exchange *x = &h->receiving->x;
	size_t lengths = 0, codings = 0, hosts = 0;
	for (size_t i = 0; i < x->header_count; i++) {
		lengths += bytes_equal_string(x->headers[i].name, "content-length");
		codings += bytes_equal_string(x->headers[i].name, "transfer-encoding");
		hosts += bytes_equal_string(x->headers[i].name, "host");
	}
	if (lengths > 1 || codings > 1 || (lengths && codings))
		return error_new(ERROR_INVALID, "the request's length is ambiguous");
	if (codings && !bytes_equal_string(http_header(x, "transfer-encoding"), "chunked"))
		return error_new(ERROR_INVALID, "only chunked transfer coding is known");
	if (hosts > 1 || (h->parser.http_minor >= 1 && hosts == 0))
		return error_new(ERROR_INVALID, "exactly one Host header is expected");
	return NULL;
}

static error *headers_complete(struct http1 *h)
{
	struct connection *c = h->connection;
	struct exchange *x = h->receiving;
	const char *method = http_method_str((enum http_method)h->parser.method);
	TRY(exchange_set_target(x, writer_view(&h->target)));
	writer_reset(&h->target);
	x->x.method = bytes_of_string(method);
	x->head_only = h->parser.method == HTTP_HEAD;
	TRY(check_framing(h));
	bool has_length = http_header(&x->x, "content-length").size > 0;
	if (has_length && h->parser.content_length > c->server->options.limits.body_bytes) {
		x->charged = 0;
		return error_new(ERROR_TOO_LARGE, "the request's body is too large");
	}
	if (http_header(&x->x, "expect").size)
		connection_write(c, bytes_of_string("HTTP/1.1 100 Continue\r\n\r\n"));
	return NULL;
}

static int on_headers_complete(http_parser *parser)
{
	struct http1 *h = http1_of(parser);
	if (add_header(h) != 0)
		return -1;
	if (parser->http_major != 1) {
		fail(h, error_new(ERROR_INVALID, "HTTP/1.1 is expected"));
		h->failure_status = 505;
		return -1;
	}
	error *e = headers_complete(h);
	if (e) {
		bool body = error_code(e) == ERROR_TOO_LARGE && h->receiving->x.path.size;
		fail(h, e);
		if (body)
			h->failure_status = 413;
		return -1;
	}
	parser->upgrade = 0; /* nothing else is spoken here */
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t size)
{
	struct http1 *h = http1_of(parser);
	return result(h, exchange_add_body(h->receiving, bytes_of(at, size)));
}

static int on_complete(http_parser *parser)
{
	struct http1 *h = http1_of(parser);
	h->receiving->keep_alive = http_should_keep_alive(parser);
	h->answering = TAKE(h->receiving);
	http_parser_pause(parser, 1); /* the next one waits for this one's answer */
	return 0;
}

static const http_parser_settings callbacks = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static error *http1_open(struct connection *c)
{
	struct http1 *h = calloc(1, sizeof *h);
	TRY_ALLOC(h);
	http_parser_init(&h->parser, HTTP_REQUEST);
	h->parser.data = h;
	h->connection = c;
	c->state = h;
	return NULL;
}

static void answer_failure(struct connection *c, unsigned status, const char *message)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_format(&w, "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		     "Connection: close\r\n\r\n%s\n", status, status_reason(status), strlen(message) + 1,
		     message);
	connection_write(c, writer_view(&w));
}

static error *parse_failure(struct http1 *h)
{
	struct connection *c = h->connection;
	enum http_errno number = HTTP_PARSER_ERRNO(&h->parser);
	if (h->failure) {
		answer_failure(c, h->failure_status, error_message(h->failure));
		return TAKE(h->failure);
	}
	bool overflow = number == HPE_HEADER_OVERFLOW;
	answer_failure(c, overflow ? 431 : number == HPE_INVALID_VERSION ? 505 : 400,
		       http_errno_description(number));
	return error_new(ERROR_INVALID, "%s", http_errno_description(number));
}

/* Parses one stretch of bytes. */
static error *parse(struct http1 *h, struct evbuffer *input)
{
	size_t size = evbuffer_get_contiguous_space(input);
	char *data = (char *)evbuffer_pullup(input, (ev_ssize_t)size);
	size_t parsed = http_parser_execute(&h->parser, &callbacks, data, size);
	enum http_errno number = HTTP_PARSER_ERRNO(&h->parser);
	explicit_bzero(data, parsed); /* some requests bring secrets */
	evbuffer_drain(input, parsed);
	if (number == HPE_PAUSED) {
		http_parser_pause(&h->parser, 0);
		return NULL;
	}
	if (number != HPE_OK || parsed != size)
		return parse_failure(h);
	return NULL;
}

static error *http1_input(struct connection *c, struct evbuffer *input)
{
	struct http1 *h = c->state;
	struct exchange *dispatched = NULL;
	/* Whoever asks and asks but does not take the answers is asked to wait. */
	while (!c->closing && !h->answering && connection_unsent(c) < OUTPUT_MAX &&
	       evbuffer_get_length(input)) {
		TRY(parse(h, input));
		dispatched = h->answering;
		if (dispatched) {
			connection_deadline(c, 0);
			exchange_dispatch(dispatched);
		}
	}
	return NULL;
}

static void write_head(struct writer *w, const struct exchange *x, bool keep_alive)
{
	write_format(w, "HTTP/1.1 %u %s\r\n", x->status, status_reason(x->status));
	if (x->content_type)
		write_format(w, "Content-Type: %s\r\n", x->content_type);
	for (size_t i = 0; i < x->header_count; i++)
		write_format(w, "%.*s: %.*s\r\n", (int)x->headers[i].name.size,
			     (const char *)x->headers[i].name.data, (int)x->headers[i].value.size,
			     (const char *)x->headers[i].value.data);
	write_format(w, "Content-Length: %zu\r\n%s\r\n", x->response.size,
		     keep_alive ? "" : "Connection: close\r\n");
}

static void http1_respond(struct connection *c, struct exchange *x)
{
	struct http1 *h = c->state;
	CLEANUP(writer_free) struct writer head = { 0 };
	bytes body = x->head_only ? BYTES_EMPTY : blob_view(&x->response);
	bool keep_alive = x->keep_alive && !c->stopping;
	write_head(&head, x, keep_alive);
	connection_write_all(c, (bytes[]){ writer_view(&head), body }, 2);
	h->answering = NULL;
	exchange_free(x);
	if (!keep_alive) {
		connection_finish(c);
		return;
	}
	connection_deadline(c, c->server->options.limits.request_s); /* until it has left */
	connection_resume(c);
}

static void http1_writable(struct connection *c)
{
	struct http1 *h = c->state;
	if (!h->receiving && !h->answering)
		connection_deadline(c, c->server->options.limits.idle_s);
	connection_resume(c);
}

static void http1_stop(struct connection *c)
{
	struct http1 *h = c->state;
	if (!h->receiving && !h->answering)
		connection_finish(c);
}

static void http1_close(struct connection *c)
{
	struct http1 *h = c->state;
	if (h->answering)
		h->answering->connection = NULL; /* freed when its answer comes */
	exchange_free(h->receiving);
	writer_free(&h->target);
	writer_free(&h->name);
	writer_free(&h->value);
	error_free(h->failure);
	free(h);
}

const struct protocol http1_protocol = { http1_open, http1_input, http1_respond, http1_writable,
					 http1_stop, http1_close };
