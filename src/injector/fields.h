/* Members of what an API server sends. */
#pragma once
#include "codec/json.h"

/* The member, or NULL when it is absent or null; ERROR_INVALID ("spec.containers: array expected, not string") when it
 * is of another type. `where` names the object, and may be empty. Borrowed. */
error *field_get(const json_t *object, const char *where, const char *name, json_type type, json_t **ret) MUST_USE;
/* The same for text: "" when it is absent. ERROR_INVALID when it holds a NUL. */
error *field_text(const json_t *object, const char *where, const char *name, const char **ret) MUST_USE;
/* Text at the end of a path of objects ("metadata", "name", NULL); "" whatever is in the way. */
const char *field_find(const json_t *object, ...);
