/* Reading JSON as Go's decoder does: names without regard to case, null as "not given", numbers that
 * must fit. Every refusal says where it is. */
#pragma once
#include "manifest/model.h"

/* Where in the manifest a value is: "Marbles", "frontend", "MaxActivations". */
struct place {
	const struct place *above;
	const char *name;
};
/* ERROR_INVALID: "Marbles: frontend: MaxActivations: <message>". */
error *refuse(const struct place *at, const char *format, ...) MUST_USE PRINTF_LIKE(2, 3);

/* A property of an object, and what to do with it. `to` is the struct being filled. */
struct property {
	const char *name;
	error *(*decode)(json_t *value, const struct place *at, struct arena *arena, void *to);
};
/* Gives each member to its property. null members are skipped. Members that no property knows are
 * refused with a suggestion, unless they are comments (they begin with "_", "$" or "//"). A property
 * named twice in different case is refused. */
error *decode_object(json_t *object, const struct place *at, const struct property *properties,
		     size_t count, struct arena *arena, void *to) MUST_USE;

/* Single values. */
error *decode_string(json_t *value, const struct place *at, struct arena *arena, const char **ret) MUST_USE;
error *decode_unsigned(json_t *value, const struct place *at, uint64_t most, uint64_t *ret) MUST_USE;
error *decode_bool(json_t *value, const struct place *at, bool *ret) MUST_USE;
error *decode_strings(json_t *value, const struct place *at, struct arena *arena,
		      struct string_list *ret) MUST_USE;

/* An object whose members are entries of a kind: {"name": {…}, …}. Gives an array sorted by name;
 * `decode` fills one entry, whose first member is its name. */
struct entry_kind {
	size_t size;
	error *(*decode)(json_t *value, const struct place *at, struct arena *arena, void *entry);
};
error *decode_entries(json_t *object, const struct place *at, const struct entry_kind *kind,
		      struct arena *arena, void **ret, size_t *ret_count) MUST_USE;
/* An array of such entries, without names and unsorted. */
error *decode_array(json_t *value, const struct place *at, const struct entry_kind *kind,
		    struct arena *arena, void **ret, size_t *ret_count) MUST_USE;

/* package.c: the decode function of a package entry. */
error *decode_package(json_t *value, const struct place *at, struct arena *arena, void *to) MUST_USE;
