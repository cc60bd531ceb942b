/* printf as Go's package fmt does it for strings, integers and booleans. */
#pragma once
#include "base/writer.h"
#include "template/template.h"

/* NULL, or what is wrong with a format. */
const char *printf_check(bytes format);
/* Appends; NULL, or what is wrong. No message holds a part of the format or of an argument, which
 * may be secret. Objects are refused. `w` should be for secrets. */
const char *printf_run(bytes format, const struct value *arguments, size_t count, struct writer *w);
/* A value as %v shows it; not for objects. */
void write_value(struct writer *w, const struct value *v);
