#include "client_api/jsend.h"

#include "base/blob.h"
#include "codec/base64.h"
#include "codec/json.h"

void write_name(struct writer *w, const char *name)
{
	bool first = w->size && w->data[w->size - 1] == '{';
	write_format(w, "%s\"%s\":", first ? "" : ",", name);
}

void write_string_member(struct writer *w, const char *name, bytes text)
{
	write_name(w, name);
	write_json_string(w, text);
}

void write_base64_member(struct writer *w, const char *name, bytes raw)
{
	write_name(w, name);
	write_u8(w, '"');
	write_base64(w, raw);
	write_u8(w, '"');
}

static void respond(struct http_exchange *x, unsigned status, struct writer *body)
{
	struct http_response response = { .status = status, .content_type = "application/json" };
	CLEANUP(blob_free) struct blob text = { 0 };
	write_u8(body, '\n');
	error *e = blob_of_writer(body, "the answer", &text);
	if (e) {
		response.status = 500;
		response.body = bytes_of_string("{\"status\":\"error\",\"data\":null,"
						"\"message\":\"out of memory\"}\n");
	} else {
		response.owned_body = &text;
	}
	error_free(e);
	http_respond(x, &response);
}

void jsend_success(struct http_exchange *x, bytes data)
{
	CLEANUP(writer_free) struct writer body = { .secret = true };
	write_string(&body, "{\"status\":\"success\",\"data\":");
	write_bytes(&body, data);
	write_string(&body, "}");
	respond(x, 200, &body);
}

static void respond_failure(struct http_exchange *x, unsigned status, const char *message)
{
	CLEANUP(writer_free) struct writer body = { 0 };
	bool bad_request = status == 400 || status == 401;
	write_format(&body, "{\"status\":\"%s\",\"data\":null,\"message\":",
		     bad_request ? "fail" : "error");
	write_json_string(&body, bytes_of_string(message));
	write_string(&body, "}");
	respond(x, status, &body);
}

/* The table from our error codes to HTTP. */
static unsigned status_of(enum error_code code)
{
	static const unsigned statuses[] = {
		[ERROR_INVALID] = 400,     [ERROR_UNAUTHENTICATED] = 401, [ERROR_DENIED] = 403,
		[ERROR_NOT_FOUND] = 404,   [ERROR_CONFLICT] = 409,        [ERROR_WRONG_STATE] = 409,
		[ERROR_TOO_LARGE] = 413,   [ERROR_UNSUPPORTED] = 400,     [ERROR_UNAVAILABLE] = 503,
		[ERROR_NO_MEMORY] = 503,   [ERROR_INTERNAL] = 500,
	};
	return statuses[code];
}

void jsend_error(struct http_exchange *x, error *e)
{
	respond_failure(x, status_of(error_code(e)), error_message(e));
	error_free(e);
}

void jsend_method_not_allowed(struct http_exchange *x)
{
	respond_failure(x, 405, "this endpoint does not know that method");
}
