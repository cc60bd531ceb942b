/* What the parser makes of a template and the execution walks. Never changed after parsing. */
#pragma once
#include "base/arena.h"
#include "template/builtin.h"
#include "template/template.h"

enum {
	TEMPLATE_SIZE_MAX = 1 << 20,       /* bytes of text */
	TEMPLATE_NODES_MAX = 100000,       /* parts of the tree */
	TEMPLATE_DEPTH_MAX = 100,          /* if, with, range and parentheses inside each other */
	TEMPLATE_VARIABLES_MAX = 256,      /* places that declare one */
	TEMPLATE_MEMORY_MAX = 16 << 20,    /* bytes of strings that one execution makes */
};

/* The fields of .a.b, $x.a.b or (…).a.b */
struct field {
	struct field *next;
	bytes name;
};

enum operand_type {
	OPERAND_DOT,
	OPERAND_NIL,
	OPERAND_BOOLEAN,
	OPERAND_INTEGER,
	OPERAND_STRING,
	OPERAND_VARIABLE,
	OPERAND_BUILTIN,  /* a function of the language */
	OPERAND_FUNCTION, /* a function of the caller */
	OPERAND_PIPELINE, /* in parentheses */
};
struct operand {
	enum operand_type type;
	size_t offset;
	struct operand *next;
	struct field *fields;
	union {
		struct value literal;
		size_t variable; /* its name's number */
		const struct builtin *builtin;
		bytes function;
		const struct pipeline *pipeline;
	};
};

/* An operand with arguments: what stands between two | signs. */
struct command {
	struct command *next;
	struct operand *operands; /* at least one */
	size_t count;
};

struct pipeline {
	size_t offset;
	struct command *commands; /* at least one */
	size_t variables[2];      /* numbers of the names that it declares or assigns */
	size_t variable_count;
	bool assigns;             /* = rather than := */
};

enum node_type {
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_WITH,
	NODE_RANGE,
	NODE_BREAK,
	NODE_CONTINUE,
};
struct node {
	enum node_type type;
	size_t offset;
	struct node *next;
	bytes text;
	struct pipeline *pipeline;
	struct node *body;
	struct node *otherwise; /* after {{else}} */
	bool has_otherwise;
};

struct template {
	struct arena arena;
	const char *what;
	bytes text;
	struct node *nodes;
	size_t declarations; /* no more variables than these exist at once */
};

enum { VARIABLE_DOLLAR = 0 }; /* the number of the name "$" */

struct location {
	size_t line, column; /* from 1; columns in characters */
};
struct location location_of(bytes text, size_t offset);

/* A failure at a place in the template. */
#define template_error_code(code, t, offset, format, ...)                                          \
	__extension__({                                                                            \
		struct location at_ = location_of((t)->text, (offset));                            \
		error_new(code, "%s: line %zu, column %zu: " format, (t)->what, at_.line,          \
			  at_.column __VA_OPT__(,) __VA_ARGS__);                                   \
	})
#define template_error(t, offset, ...) template_error_code(ERROR_INVALID, t, offset, __VA_ARGS__)
/* Puts the place, and what was done there, before a failure of the caller's. */
#define template_wrap(cause, t, offset, format, ...)                                               \
	__extension__({                                                                            \
		error *cause_ = (cause);                                                           \
		struct location at_ = { 0 };                                                       \
		if (cause_)                                                                        \
			at_ = location_of((t)->text, (offset));                                    \
		error_wrap(cause_, "%s: line %zu, column %zu: " format, (t)->what, at_.line,       \
			   at_.column __VA_OPT__(,) __VA_ARGS__);                                  \
	})
