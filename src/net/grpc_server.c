/* gRPC over HTTP/2, unary calls (the protocol document "gRPC over HTTP2"). */
#include <stdio.h>

#include "base/reader.h"
#include "net/grpc.h"

enum { FRAME_HEADER = 5 }; /* one byte of flags, four of length */

enum grpc_status grpc_status_of_error(enum error_code code)
{
	static const enum grpc_status statuses[] = {
		[ERROR_INVALID] = GRPC_INVALID_ARGUMENT,
		[ERROR_UNAUTHENTICATED] = GRPC_UNAUTHENTICATED,
		[ERROR_DENIED] = GRPC_PERMISSION_DENIED,
		[ERROR_NOT_FOUND] = GRPC_NOT_FOUND,
		[ERROR_CONFLICT] = GRPC_ABORTED,
		[ERROR_WRONG_STATE] = GRPC_FAILED_PRECONDITION,
		[ERROR_TOO_LARGE] = GRPC_RESOURCE_EXHAUSTED,
		[ERROR_UNSUPPORTED] = GRPC_UNIMPLEMENTED,
		[ERROR_UNAVAILABLE] = GRPC_UNAVAILABLE,
		[ERROR_NO_MEMORY] = GRPC_RESOURCE_EXHAUSTED,
		[ERROR_INTERNAL] = GRPC_INTERNAL,
	};
	return statuses[code];
}

/* grpc-message: printable ASCII but '%' as it is, all other bytes as %XX. */
static void write_percent(struct writer *w, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c >= 0x20 && c < 0x7f && c != '%')
			write_u8(w, c);
		else
			write_format(w, "%%%02X", c);
	}
}

static void respond_status(struct http_exchange *x, enum grpc_status status, const char *message)
{
	char number[16];
	CLEANUP(writer_free) struct writer escaped = { .limit = 4096 };
	snprintf(number, sizeof number, "%d", (int)status);
	write_percent(&escaped, message);
	struct http_header headers[] = {
		{ bytes_of_string("grpc-status"), bytes_of_string(number) },
		{ bytes_of_string("grpc-message"), writer_view(&escaped) },
	};
	struct http_response response = { .status = 200, .content_type = "application/grpc",
					  .headers = headers, .header_count = ARRAY_SIZE(headers) };
	http_respond(x, &response);
}

static void note_handled(struct grpc_call call, enum grpc_status status)
{
	if (call.observer)
		call.observer->handled(call.observer->context, call.method, status);
}

void grpc_fail(struct grpc_call call, error *e)
{
	note_handled(call, grpc_status_of_error(error_code(e)));
	respond_status(call.exchange, grpc_status_of_error(error_code(e)), error_message(e));
	error_free(e);
}

void grpc_respond(struct grpc_call call, bytes message)
{
	CLEANUP(writer_free) struct writer framed = { .secret = true };
	write_u8(&framed, 0);
	write_be32(&framed, (uint32_t)message.size);
	write_bytes(&framed, message);
	if (framed.failed) {
		grpc_fail(call, error_no_memory());
		return;
	}
	struct http_header trailers[] = { { bytes_of_string("grpc-status"), bytes_of_string("0") } };
	struct http_response response = { .status = 200, .content_type = "application/grpc",
					  .body = writer_view(&framed),
					  .trailers = trailers, .trailer_count = 1 };
	note_handled(call, GRPC_OK);
	http_respond(call.exchange, &response);
}

/* Exactly one message, not compressed. */
static error *unframe(bytes body, bytes *ret)
{
	struct reader r = reader_of(body);
	uint8_t compressed = read_u8(&r);
	uint32_t size = read_be32(&r);
	bytes message = read_view(&r, size);
	if (compressed)
		return error_new(ERROR_UNSUPPORTED, "compressed messages are not supported");
	TRY(reader_finish(&r, "the gRPC message"));
	*ret = message;
	return NULL;
}

static bool is_grpc(const struct http_exchange *x)
{
	bytes type = http_header(x, "content-type");
	bytes start = bytes_slice(type, 0, 16), behind = bytes_slice(type, 16, 1);
	return bytes_equal_string(start, "application/grpc") &&
	       (behind.size == 0 || behind.data[0] == '+' || behind.data[0] == ';');
}

static const struct grpc_method *find_method(const struct grpc_method *methods, size_t count, bytes path)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_string(path, methods[i].path))
			return &methods[i];
	return NULL;
}

static void take_call(const struct grpc_method *method, void *context, struct grpc_call call)
{
	const struct grpc_observer *observer = call.observer;
	if (observer)
		observer->started(observer->context, call.method);
	error *e = unframe(call.exchange->body, &call.message);
	if (e) {
		grpc_fail(call, e);
		return;
	}
	if (observer)
		observer->received(observer->context, call.method);
	method->handle(context, call);
}

void grpc_dispatch(const struct grpc_method *methods, size_t count, void *context,
		   const struct grpc_observer *observer, struct http_exchange *x)
{
	const struct grpc_method *method = find_method(methods, count, x->path);
	if (!bytes_equal_string(x->method, "POST") || !is_grpc(x)) {
		http_respond(x, &(struct http_response){
					.status = 415, .content_type = "text/plain",
					.body = bytes_of_string("gRPC is spoken here: POST with content type "
								"application/grpc\n") });
		return;
	}
	if (!method) {
		respond_status(x, GRPC_UNIMPLEMENTED, "there is no such method");
		return;
	}
	take_call(method, context, (struct grpc_call){ x, BYTES_EMPTY, observer, (size_t)(method - methods) });
}
