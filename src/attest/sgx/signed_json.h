/* Intel's signed JSON documents: {"<body>": {…}, "signature": "<hex r ‖ s>"}. The signature is over the
 * body's bytes as they stand. */
#pragma once
#include <openssl/evp.h>

#include "base/bytes.h"
#include "codec/json.h"

struct signed_json {
	bytes body;            /* view into the document */
	uint8_t signature[64];
	json_t *parsed;        /* of the body */
};
void signed_json_free(struct signed_json *document);
DEFINE_CLEANUP_IN_PLACE(signed_json_free, struct signed_json)
error *signed_json_parse(bytes document, const char *body_name, const char *what,
			 struct signed_json *ret) MUST_USE;
