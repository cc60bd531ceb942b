/* Reading JSON as Go's decoder does: names without regard to case, null as "not given", numbers that
 * must fit. A refusal says where: "Marbles: frontend: MaxActivations: integer expected, string found".
 *
 * Two names of one object that differ only in case are refused: Go takes the last, a reader may
 * believe the first. */
#pragma once
#include "base/arena.h"
#include "codec/json.h"
#include "manifest/model.h"

/* Where a value is in the document: the last link of a chain. */
struct place {
	const struct place *within;
	const char *name; /* of a section, an entry or a property */
	size_t number;    /* of an array's entry, from 1, which has no name */
};
/* ERROR_INVALID, ERROR_UNSUPPORTED: the place before the message. */
error *refuse(const struct place *at, const char *format, ...) MUST_USE PRINTF_LIKE(2, 3);
error *refuse_unsupported(const struct place *at, const char *format, ...) MUST_USE
	PRINTF_LIKE(2, 3);
/* The place before an error's message; consumes `cause`, which may be NULL (then NULL). */
error *refuse_for(const struct place *at, error *cause) MUST_USE;

/* A foreign text as it may stand in a message: without control characters, cut where it is long.
 * refuse(at, "\"%s\" is unknown", shown(text).text) */
enum { SHOWN_MAX = 120 };
struct shown {
	char text[SHOWN_MAX + sizeof "…"];
};
struct shown shown(const char *text);

/* Fills `to`, a member of the struct that the object becomes. */
typedef error *decode_function(json_t *value, const struct place *at, struct arena *arena, void *to);
decode_function decode_string, decode_strings, decode_unsigned, decode_boolean;
/* Also for properties that are of no effect. */
decode_function decode_nothing;

/* Entries of one kind: an object of them by name, or an array of them. */
struct entry_kind {
	size_t size; /* of the struct; its first member is the name, if entries have one */
	decode_function *decode; /* `to` is the whole struct */
	/* Refuses a name; NULL: entries have none, an array is expected. */
	error *(*check_name)(const char *name, const struct place *at);
};

/* A property of an object. */
struct property {
	const char *name;
	size_t offset; /* of the member, in the struct that the object becomes */
	decode_function *decode;
	/* Or: an array of entries, sorted by name if they have one, and the member for their number. */
	const struct entry_kind *entries;
	size_t count_offset;
};
#define PROPERTY(name, type, member, decode) { name, offsetof(type, member), decode, NULL, 0 }
#define ENTRIES(name, type, member, count, kind)                                                   \
	{ name, offsetof(type, member), NULL, kind, offsetof(type, count) }

/* Members that no property knows are refused with a suggestion: a misspelt restriction must not pass.
 * Comments may stand anywhere; their names begin with "_", "$" or "//". */
error *decode_object(json_t *object, const struct place *at, const struct property *properties,
		     size_t count, struct arena *arena, void *to) MUST_USE;

/* Words for values of an enumeration, or bits of a set. */
struct choice {
	const char *name;
	unsigned value;
};
enum spelling { SPELLING_EXACT, SPELLING_ANY_CASE };
error *decode_choice(const json_t *value, const struct place *at, const struct choice *choices,
		     size_t count, enum spelling spelling, unsigned *ret) MUST_USE;
/* An array of words; their values are or'ed. */
error *decode_choices(const json_t *value, const struct place *at, const struct choice *choices,
		      size_t count, enum spelling spelling, unsigned *ret) MUST_USE;

/* Refuses a value of another type. */
error *expect_type(bool fits, const json_t *value, const struct place *at, const char *expected)
	MUST_USE;
