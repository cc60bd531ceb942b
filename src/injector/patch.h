/* JSON patches (RFC 6902) that only add. Whatever goes wrong is remembered, and said at the end. */
#pragma once
#include "codec/json.h"

struct patch {
	json_t *operations; /* NULL until the first one */
	bool failed;        /* out of memory */
};

/* "add": a member of an object, or the element of an array ("…/-": behind its last). The path's format is
 * expected to give a JSON pointer. `value` is taken over; NULL counts as out of memory. */
void patch_add(struct patch *p, json_t *value, const char *path, ...) PRINTF_LIKE(3, 4);
/* Puts elements behind those of the array at `path`, of which `present` is the content, or makes it when it is NULL
 * or null. `items` is taken over; nothing happens when it is empty. */
void patch_append(struct patch *p, const json_t *present, json_t *items, const char *path);
/* The same for the members of an object. */
void patch_insert(struct patch *p, const json_t *present, json_t *members, const char *path);
/* The operations, an array; the patch is empty afterwards. */
error *patch_finish(struct patch *p, json_t **ret) MUST_USE;
void patch_free(struct patch *p);
DEFINE_CLEANUP_IN_PLACE(patch_free, struct patch)
