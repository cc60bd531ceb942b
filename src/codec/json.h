/* JSON by jansson, with the limits that foreign documents need. */
#pragma once
#include <jansson.h>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"

enum { JSON_DEPTH_MAX = 64 };

static inline void json_decref_cleanup(json_t **owned)
{
	json_decref(*owned);
}
/* CLEANUP_JSON json_t *j = NULL; */
#define CLEANUP_JSON __attribute__((cleanup(json_decref_cleanup)))

/* Parses one JSON value, which may hold NULs in strings, with nothing behind it but white space.
 * Refused with line and column: syntax errors, invalid UTF-8, a name twice in one object, more than
 * JSON_DEPTH_MAX levels. `what` names the document in messages, which show nothing of its content.
 * *ret is owned by the caller. */
error *json_parse(bytes text, const char *what, json_t **ret) MUST_USE;
/* The member of an object whose name matches as Go's decoder matches: exactly, else without regard
 * to ASCII case. NULL when there is none (or `object` is no object). Borrowed. */
json_t *json_member(json_t *object, const char *name);
/* Compact text of a value; `flags` as for json_dumpb (JSON_COMPACT, JSON_INDENT(n), …). */
error *json_print(const json_t *value, size_t flags, struct blob *ret) MUST_USE;
/* Appends text as a JSON string, for documents that hold secrets and so stay out of jansson. The text
 * must be UTF-8. */
void write_json_string(struct writer *w, bytes text);
/* The bytes of a string value; empty when it is none. Borrowed. */
bytes json_bytes(const json_t *string);
/* For programs whose documents hold secrets: from now on, what jansson frees is wiped first. To be called before
 * any document is read, and before there are other threads. */
void json_wipe_what_is_freed(void);
/* "object", "array", "string", "integer", "number", "boolean", "null": for messages. */
const char *json_type_name(const json_t *value);
