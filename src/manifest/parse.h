/* From the uploaded bytes to the model. */
#pragma once
#include "manifest/model.h"

/* Parses one section at a time. Every refusal is ERROR_INVALID (ERROR_UNSUPPORTED for what a later
 * version may take, ERROR_TOO_LARGE for the text) and names section, entry, property and what was
 * expected: "Marbles: frontend: MaxActivations: integer expected, string found". Unknown properties
 * are refused, with a suggestion: they could be a misspelt restriction. Names that begin with "_", "$"
 * or "//" are comments. */
error *manifest_parse(bytes text, struct manifest **ret) MUST_USE;
/* One package object, for instance an --era-config file. Strings live in `arena`. */
error *package_parse(json_t *object, const char *where, struct arena *arena,
		     struct package *ret) MUST_USE;
