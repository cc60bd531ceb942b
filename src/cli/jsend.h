/* The coordinator's answers. */
#pragma once
#include "base/bytes.h"
#include "codec/json.h"

/* The `data` of a successful answer, owned by the caller; NULL for null. Otherwise an error with the
 * coordinator's message. `what` names the request in messages. */
error *jsend_data(long http_status, bytes body, const char *what, json_t **ret) MUST_USE;
/* A string member, by its name in `what`'s data. */
error *json_text_member(json_t *object, const char *name, const char *what, bytes *ret) MUST_USE;
/* The same as base64 of bytes. */
error *json_bytes_member(json_t *object, const char *name, const char *what, struct blob *ret) MUST_USE;
