/* A walk over a JSON object or array, one member after the other, without a tree of the whole: where values are
 * signed as they stand, or are many. Values are found by their quotes and brackets; whether they are JSON is for
 * json_parse to say. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

struct json_walk {
	bytes rest;
	uint8_t end; /* '}' or ']' */
	bool begun, ended;
	const char *what;
};
/* `bracket` is '{' or '[': what the text must begin with, blanks apart. `what` names the document in messages. */
error *json_walk_begin(bytes text, char bracket, const char *what, struct json_walk *ret) MUST_USE;
/* The next value; *ret_found is false at the end, behind which nothing but blanks may stand. *ret_name is the text
 * between the quotes (empty in arrays): names with escapes are refused, so equal bytes are equal names. Both are
 * views into the text. */
error *json_walk_next(struct json_walk *walk, bool *ret_found, bytes *ret_name, bytes *ret_value) MUST_USE;
