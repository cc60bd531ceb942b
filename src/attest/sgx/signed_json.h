/* Intel's signed JSON documents: {"<body>": {…}, "signature": "<hex r ‖ s>"}. The signature is over the
 * body's bytes as they stand. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

struct signed_json {
	bytes body; /* view into the document: one JSON object */
	uint8_t signature[64];
};
/* Finds both; nothing is verified. NULs at the end are dropped: Intel's libraries hand documents around as C
 * strings. Allocates next to nothing: a tree of all of it would be large. */
error *signed_json_read(bytes document, const char *body_name, const char *what, struct signed_json *ret) MUST_USE;
