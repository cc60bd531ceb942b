/* What the files of this room share. */
#pragma once
#include "diff/diff.h"
#include "manifest/decode.h"

struct diffing {
	const struct manifest *from, *to;
	const struct running_state *running; /* or NULL */
	struct manifest_diff *out;
	size_t capacity;
};

/* Where entries go: one thing of a section. */
struct subject {
	struct diffing *d;
	const char *section, *name;
	json_t *old_json, *new_json; /* for describing functions: of the object whose properties they describe */
};
error *diff_add(const struct subject *s, enum diff_kind kind, enum diff_severity severity,
		const char *format, ...) MUST_USE PRINTF_LIKE(4, 5);

/* A walk over two arrays that are sorted by `compare` (NULL: by name, the structs' first member):
 * what is in either, once. for (struct pairs p = …; pairs_next(&p);) */
struct pairs {
	const char *old_items, *new_items; /* the rest */
	size_t old_count, new_count, size;
	int (*compare)(const void *a, const void *b);
	const void *old, *new; /* one may be NULL */
};
struct pairs pairs_of(const void *old_items, size_t old_count, const void *new_items, size_t new_count,
		      size_t size, int (*compare)(const void *a, const void *b));
bool pairs_next(struct pairs *p);
/* Of the pair, as the structs have it. */
const char *pairs_name(const struct pairs *p);

/* A property of an entry, and the function that says in words what changed; `old` and `new` are the
 * structs. It may say nothing. */
struct described {
	const char *name;
	error *(*describe)(const struct subject *s, const void *old, const void *new);
};
/* All properties: in words where a function knows them; where it says nothing, or none knows them, the
 * JSON speaks. So nothing that changes is left out, also what the model does not have. */
error *diff_properties(const struct subject *s, const void *old, const void *new,
		       const struct described *properties, size_t count) MUST_USE;
/* The same for an object within the entry, whose JSON is given. */
error *diff_members(const struct subject *s, const void *old, const void *new, json_t *before, json_t *after,
		    const struct described *properties, size_t count) MUST_USE;
/* The members in which two JSON values differ; NULL and null are "not given". */
error *diff_json_values(const struct subject *s, const char *path, json_t *old, json_t *new,
			enum diff_severity severity) MUST_USE;
/* The same for members that restrict: each is judged by its name, whether it becomes looser. `path` NULL:
 * none stands before the members. */
error *diff_restrictions(const struct subject *s, const char *path, json_t *old, json_t *new) MUST_USE;
/* The JSON of an entry. */
json_t *diff_entry_json(const struct manifest *m, const struct subject *s);
/* Sections that nothing knows. */
error *diff_unknown_sections(struct diffing *d) MUST_USE;

/* "SecurityVersion: 1 → 2"; NULL is "not given". Nothing when both are the same. */
error *diff_value(const struct subject *s, enum diff_severity severity, const char *property,
		  const char *old, const char *new) MUST_USE;
const char *number_text(struct diffing *d, uint64_t number);
/* A text in quotes, cut where it is long; what is no text, by size and digest. */
const char *data_text(struct diffing *d, bytes data);
/* Names that are in one list only, as a set: "Argv: added \"x\"". */
error *diff_names(const struct subject *s, const char *property, const struct string_list *old,
		  const struct string_list *new, enum diff_severity added, enum diff_severity removed) MUST_USE;
/* "a, b and 3 more" */
const char *list_text(struct diffing *d, const struct string_list *names);
/* A sorted copy, each name once. */
error *sorted_list(struct diffing *d, const struct string_list *list, struct string_list *ret) MUST_USE;

error *diff_packages(struct diffing *d) MUST_USE;
error *diff_marbles(struct diffing *d) MUST_USE;
error *diff_tls(struct diffing *d) MUST_USE;
error *diff_secrets(struct diffing *d) MUST_USE;
error *diff_people(struct diffing *d) MUST_USE;   /* Users, Roles, RecoveryKeys */
error *diff_config(struct diffing *d) MUST_USE;
error *diff_grants(struct diffing *d) MUST_USE;   /* Access: users, by their roles */
error *diff_uses(struct diffing *d) MUST_USE;     /* Access: marbles, by their templates */
error *diff_renewed(struct diffing *d) MUST_USE;  /* Keys, Certificates: what an update makes new */
error *diff_recovery(struct diffing *d) MUST_USE;
error *diff_running(struct diffing *d) MUST_USE;
