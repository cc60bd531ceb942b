#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "net/connection.h"

struct exchange *exchange_new(struct connection *c)
{
	struct exchange *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->connection = c;
	x->loop = c->loop;
	x->x.connection = x;
	x->body.limit = c->server->options.limits.body_bytes;
	x->body.secret = true; /* some requests bring secrets */
	x->x.peer_certificate = blob_view(&c->peer_certificate);
	return x;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	atomic_fetch_sub(&x->loop->server->body_bytes, x->charged);
	writer_free(&x->body);
	if (x->response.data)
		explicit_bzero(x->response.data, x->response.size);
	blob_free(&x->response);
	free(x->content_type);
	arena_free(&x->x.arena);
	free(x);
}

static error *copy_view(struct exchange *x, bytes from, bytes *ret)
{
	char *copy = arena_string(&x->x.arena, from);
	TRY_ALLOC(copy);
	*ret = bytes_of(copy, from.size);
	return NULL;
}

/* Counts as HTTP/2 does (RFC 9113 section 6.5.2): 32 bytes for each header besides its text. */
static error *charge_header(struct exchange *x, size_t size)
{
	x->header_bytes += size + 32;
	if (x->header_bytes > x->loop->server->options.limits.header_bytes)
		return error_new(ERROR_TOO_LARGE, "the request's headers are too large");
	return NULL;
}

error *exchange_add_header(struct exchange *x, bytes name, bytes value)
{
	TRY(charge_header(x, name.size + value.size));
	if (x->x.header_count >= EXCHANGE_HEADERS_MAX)
		return error_new(ERROR_TOO_LARGE, "the request has more than %d headers",
				 EXCHANGE_HEADERS_MAX);
	if (!x->x.headers) {
		x->x.headers = arena_alloc(&x->x.arena, EXCHANGE_HEADERS_MAX, sizeof *x->x.headers);
		TRY_ALLOC(x->x.headers);
	}
	struct http_header *header = &x->x.headers[x->x.header_count];
	char *lower = arena_string(&x->x.arena, name);
	TRY_ALLOC(lower);
	for (size_t i = 0; i < name.size; i++)
		lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] + 32 : lower[i]);
	header->name = bytes_of(lower, name.size);
	/* RFC 9112 section 5.1. http_parser lets blanks in names and NULs in values pass, which somebody
	 * between the client and us may read otherwise. */
	if (!nghttp2_check_header_name((const uint8_t *)lower, name.size) ||
	    !nghttp2_check_header_value(value.data, value.size))
		return error_new(ERROR_INVALID, "a header holds a character that is not allowed there");
	TRY(copy_view(x, value, &header->value));
	x->x.header_count++;
	return NULL;
}

error *exchange_set_target(struct exchange *x, bytes target)
{
	TRY(charge_header(x, target.size));
	TRY(copy_view(x, target, &target));
	const uint8_t *mark = target.size ? memchr(target.data, '?', target.size) : NULL;
	size_t path_size = mark ? (size_t)(mark - target.data) : target.size;
	x->x.path = bytes_slice(target, 0, path_size);
	x->x.query = bytes_slice(target, path_size + 1, SIZE_MAX);
	return NULL;
}

error *exchange_add_body(struct exchange *x, bytes data)
{
	struct http_server *server = x->loop->server;
	size_t all = atomic_fetch_add(&server->body_bytes, data.size) + data.size;
	x->charged += data.size;
	if (all > server->options.limits.memory_bytes)
		return error_new(ERROR_UNAVAILABLE, "too much is being uploaded at once");
	write_bytes(&x->body, data);
	return writer_check(&x->body, "the request's body");
}

void exchange_dispatch(struct exchange *x)
{
	const struct http_server_options *options = &x->loop->server->options;
	x->complete = true;
	x->x.body = writer_view(&x->body);
	/* The connection may go before the answer comes. */
	error *e = copy_view(x, bytes_of_string(x->connection->peer_address), &x->x.peer_address);
	if (!e)
		e = copy_view(x, x->x.peer_certificate, &x->x.peer_certificate);
	if (!e) {
		options->handler(options->context, &x->x);
		return;
	}
	error_free(e);
	http_respond(&x->x, &(struct http_response){ .status = 503 });
}

bytes http_header(const struct http_exchange *x, const char *name)
{
	for (size_t i = 0; i < x->header_count; i++)
		if (bytes_equal_string(x->headers[i].name, name))
			return x->headers[i].value;
	return BYTES_EMPTY;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded: "+" is a blank, %XX a byte. */
static error *decode_query(struct http_exchange *x, bytes text, bytes *ret)
{
	uint8_t *out = arena_alloc(&x->arena, 1, text.size + 1);
	size_t size = 0;
	TRY_ALLOC(out);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c == '%') {
			bytes digits = bytes_slice(text, i + 1, 2);
			int high = digits.size == 2 ? hex_value(digits.data[0]) : -1;
			int low = digits.size == 2 ? hex_value(digits.data[1]) : -1;
			if (high < 0 || low < 0)
				return error_new(ERROR_INVALID, "the query has a %% without two "
						 "hexadecimal digits");
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		out[size++] = c;
	}
	*ret = bytes_of(out, size);
	return NULL;
}

error *http_query(struct http_exchange *x, const char *name, size_t n, bytes *ret, bool *found)
{
	bytes rest = x->query;
	while (rest.size) {
		const uint8_t *end = memchr(rest.data, '&', rest.size);
		bytes pair = bytes_slice(rest, 0, end ? (size_t)(end - rest.data) : rest.size);
		rest = bytes_slice(rest, pair.size + 1, SIZE_MAX);
		const uint8_t *equals = pair.size ? memchr(pair.data, '=', pair.size) : NULL;
		size_t key_size = equals ? (size_t)(equals - pair.data) : pair.size;
		bytes key;
		TRY(decode_query(x, bytes_slice(pair, 0, key_size), &key));
		if (!bytes_equal_string(key, name) || n-- > 0)
			continue;
		TRY(decode_query(x, bytes_slice(pair, key_size + 1, SIZE_MAX), ret));
		*found = true;
		return NULL;
	}
	*found = false;
	return NULL;
}

static void deliver(void *context)
{
	struct exchange *x = context;
	x->answered = true;
	if (x->connection)
		x->connection->protocol->respond(x->connection, x);
	else
		exchange_free(x);
}

static struct http_header *copy_headers(struct exchange *x, const struct http_header *from, size_t count)
{
	struct http_header *to = arena_alloc(&x->x.arena, count, sizeof *to);
	for (size_t i = 0; to && i < count; i++) {
		char *name = arena_string(&x->x.arena, from[i].name);
		char *value = arena_string(&x->x.arena, from[i].value);
		if (!name || !value)
			return NULL;
		to[i] = (struct http_header){ bytes_of(name, from[i].name.size),
					      bytes_of(value, from[i].value.size) };
	}
	return to;
}

static bool copy_response(struct exchange *x, const struct http_response *from)
{
	x->content_type = from->content_type ? strdup(from->content_type) : NULL;
	x->headers = copy_headers(x, from->headers, from->header_count);
	x->trailers = copy_headers(x, from->trailers, from->trailer_count);
	error *e = NULL;
	if (from->owned_body)
		x->response = blob_take(from->owned_body);
	else
		e = blob_copy(from->body, &x->response);
	bool copied = !e && x->headers && x->trailers && (x->content_type || !from->content_type);
	error_free(e);
	x->header_count = copied ? from->header_count : 0;
	x->trailer_count = copied ? from->trailer_count : 0;
	return copied;
}

void http_respond(struct http_exchange *public_x, const struct http_response *response)
{
	struct exchange *x = public_x->connection;
	size_t body_size = response->owned_body ? response->owned_body->size : response->body.size;
	if (public_x->answered)
		public_x->answered(public_x->answered_context, response->status, body_size);
	x->status = response->status;
	if (!copy_response(x, response))
		x->status = 503;
	if (x->loop->thread_known && pthread_equal(x->loop->thread, pthread_self())) {
		deliver(x);
		return;
	}
	error *e = loop_post(x->loop->base, deliver, x);
	error_free(e); /* without memory for a pointer the exchange is lost; its deadline ends it */
}

const char *status_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" }, { 204, "No Content" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" }, { 409, "Conflict" }, { 410, "Gone" },
		{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
		{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
		{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}
