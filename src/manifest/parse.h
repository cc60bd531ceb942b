/* From the uploaded bytes to the model. */
#pragma once
#include "manifest/model.h"

/* Parses one section at a time. Every refusal is ERROR_INVALID and names section, entry, property
 * and what was expected: "Marbles: frontend: MaxActivations: integer from 0 expected, string found".
 * Unknown properties are refused where they could be a misspelt restriction, with a suggestion;
 * those that the public documentation or Go's decoder tolerates are accepted as there. */
error *manifest_parse(bytes text, struct manifest **ret) MUST_USE;
/* One package object, for instance an --era-config file. Strings live in `arena`. */
error *package_parse(json_t *object, const char *where, struct arena *arena,
		     struct package *ret) MUST_USE;
