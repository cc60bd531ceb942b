/* What requests hold, and what several answers hold. */
#pragma once
#include "client_api/client_api_internal.h"
#include "codec/json.h"

/* The body: one JSON object; `form` says which is expected. */
error *body_object(const struct http_exchange *x, const char *form, json_t **ret) MUST_USE;
/* A member in base64. ERROR_INVALID when it is missing. */
error *body_base64(json_t *object, const char *name, struct blob *ret) MUST_USE;
/* {"manifest": base64} */
error *body_manifest(const struct http_exchange *x, struct blob *ret) MUST_USE;
/* {name: base64} */
void write_recovery_secrets(struct writer *w, const struct named_blobs *secrets);
