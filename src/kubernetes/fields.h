/* Fields of documents that people or servers wrote: refused by name when they are not what they should be. */
#pragma once
#include "codec/json.h"

/* Each: `where` names the object in messages; *ret is borrowed. What is absent or null gives NULL, false or
 * an object of NULL. */
error *field_text(const json_t *object, const char *where, const char *name, const char **ret) MUST_USE;
error *field_flag(const json_t *object, const char *where, const char *name, bool *ret) MUST_USE;
error *field_object(const json_t *object, const char *where, const char *name, json_t **ret) MUST_USE;
error *field_array(const json_t *object, const char *where, const char *name, json_t **ret) MUST_USE;
/* Refuses any member whose name is not in the list, which NULL ends. */
error *fields_known(const json_t *object, const char *where, const char *const *names) MUST_USE;
