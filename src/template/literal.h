/* What literals mean: the rules of the Go specification, "Integer literals", "Rune literals" and
 * "String literals". */
#pragma once
#include "base/writer.h"

/* NULL, or what is wrong with it. */
const char *literal_integer(bytes text, int64_t *ret);
/* With the quotes. */
const char *literal_character(bytes text, int64_t *ret);
const char *literal_string(bytes text, struct writer *to);
void literal_raw_string(bytes text, struct writer *to);
