/* JSend answers: {"status": "success" | "fail" | "error", "data": …, "message": …}. */
#pragma once
#include "base/writer.h"
#include "net/http_server.h"

/* 200 with `data`, which is JSON text already. */
void jsend_success(struct http_exchange *x, bytes data);
/* The status that fits the error's code; consumes the error. A bad request is a "fail", all else an
 * "error". */
void jsend_error(struct http_exchange *x, error *e);
/* 405. */
void jsend_method_not_allowed(struct http_exchange *x);

/* For building data: "name": before a value; the separator goes before all but the first. */
void write_name(struct writer *w, const char *name);
void write_string_member(struct writer *w, const char *name, bytes text);
void write_base64_member(struct writer *w, const char *name, bytes raw);
