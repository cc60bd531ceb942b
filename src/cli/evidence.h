/* Evidence in files. */
#pragma once
#include "codec/json.h"
#include "marblerun/verify.h"

enum { EVIDENCE_SIZE_MAX = 1 << 20 }; /* bytes */

error *evidence_read(const char *path, struct blob *ret) MUST_USE;
/* Every field, as marblerun_evidence_print has them. */
error *evidence_fields(bytes evidence, json_t **ret) MUST_USE;
/* One line each; what belongs together below its name. */
void evidence_print_fields(const json_t *fields);
