/* What a template may look up, without executing it. Every branch counts. */
#pragma once
#include "template/template.h"

enum { LOOKUP_NAMES_MAX = 8 };
/* A chain of names from dot or a variable, as in .a.b or index . "a" "b". */
struct lookup {
	bytes names[LOOKUP_NAMES_MAX];
	size_t count;
	bool open; /* further names follow that only the execution knows, or that have no room */
};
typedef error *lookup_function(void *context, const struct lookup *lookup);
/* Calls each(context, …) for every chain; dot may be anything within with and range. */
error *template_lookups(const struct template *t, lookup_function *each, void *context) MUST_USE;
