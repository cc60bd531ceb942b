/* The functions of the language itself. */
#pragma once
#include "template/template.h"

struct execution;

/* A call of a function: its name and place for messages, and its arguments. */
struct call {
	bytes name;
	size_t offset;
	const struct value *arguments;
	size_t count;
};

struct builtin {
	const char *name;
	size_t least, most; /* arguments */
	/* NULL for `and` and `or`, which evaluate no more arguments than they need */
	error *(*run)(struct execution *x, const struct call *call, struct value *ret);
	bool stops_at; /* of `and` and `or`: the truth of the argument that decides */
};

/* NULL when there is none. */
const struct builtin *builtin_find(bytes name);
/* All names, for messages. */
#define BUILTIN_NAMES                                                                              \
	"and, or, not, eq, ne, lt, le, gt, ge, index, len, print, printf, println"
