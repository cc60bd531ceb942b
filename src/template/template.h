/* The part of Go's text/template that manifests use. Parsing and execution are pure; what a
 * template may look up comes from its caller.
 *
 * Where it does something, it does what Go does. It refuses while parsing: define, template, block,
 * floating-point and complex numbers, the functions html, js, urlquery, slice and call, and formats
 * with other verbs than s v d q x X t c %. It refuses while executing: an index that a map does not
 * have, and a verb that does not fit its argument. */
#pragma once
#include "base/blob.h"
#include "base/error.h"
#include "base/writer.h"

/* A value as templates see it. Objects are the caller's; `object` says what it is a part of. */
enum value_kind {
	VALUE_NOTHING, /* Go's untyped nil: a missing map key */
	VALUE_BOOLEAN,
	VALUE_INTEGER,
	VALUE_STRING,
	VALUE_OBJECT, /* the caller's: has fields or can be given to its functions */
};
struct value {
	enum value_kind kind;
	bool boolean;
	int64_t integer;
	bytes string;       /* valid while the execution lasts */
	const void *object; /* the caller's */
	int object_type;    /* the caller's enumeration */
};

/* How the caller's objects behave. */
struct template_scope {
	void *context;
	/* Field or map key of an object: .name, index obj "name". A name that the object can't have
	 * is an error; a map key that is absent is VALUE_NOTHING. */
	error *(*field)(void *context, const struct value *object, bytes name, struct value *ret);
	/* Names of a map object in byte order for range; an error when it is no map. `name`
	 * receives the n-th name; *end when there are no more. */
	error *(*key)(void *context, const struct value *object, size_t n, bytes *name, bool *end);
	/* Is the object true for if/and/or (a map: not empty)? */
	bool (*truth)(void *context, const struct value *object);
	/* Does the name exist as a function (besides the built-in ones)? Asked while parsing. */
	bool (*has_function)(void *context, bytes name);
	/* Calls it. The result's text is appended to `text`, and is the returned value's string. */
	error *(*call)(void *context, bytes name, const struct value *arguments, size_t count,
		       struct writer *text);
	/* Prints an object where a template does ({{ .Secrets.x }}): may refuse. */
	error *(*print)(void *context, const struct value *object, struct writer *text);
};

struct template;
/* `what` names the text in messages: "Marbles: frontend: Env: KEY". Refusals: ERROR_INVALID with
 * line and column (from 1, in characters), or ERROR_TOO_LARGE over 1 MiB. The text is copied; the
 * result never changes, so several threads may execute it at once. */
error *template_parse(bytes text, const char *what, const struct template_scope *scope,
		      struct template **ret) MUST_USE;
/* Appends the output. Bounded: output size by writer's limit, steps by TEMPLATE_STEPS_MAX (more for
 * long texts), strings by 16 MiB: ERROR_TOO_LARGE. Other failures are ERROR_INVALID, or what the
 * scope's functions return; line and column stand before them. No message holds a value. `output`
 * may hold a part of the text after a failure; if that may be secret, it has .secret set. */
enum { TEMPLATE_STEPS_MAX = 100000 };
error *template_execute(const struct template *t, const struct template_scope *scope,
			const struct value *dot, struct writer *output) MUST_USE;
void template_free(struct template *t);
DEFINE_CLEANUP(template_free, struct template *)
