/* One execution of a template: what it holds while it lasts. */
#pragma once
#include "template/tree.h"

struct variable {
	size_t name; /* its number */
	struct value value;
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct execution {
	const struct template *t;
	const struct template_scope *scope;
	struct writer *output;
	struct arena memory;         /* strings that functions made; wiped at the end */
	size_t kept;                 /* their bytes */
	struct writer scratch;       /* the string that a function is making */
	struct variable *variables;  /* a stack; a name means the newest variable of that name */
	size_t variable_count;
	size_t steps;
	enum flow flow;
};

/* Counts work: one step, and one more for each KiB of text that is handled. */
error *execution_spend(struct execution *x, size_t offset, size_t handled) MUST_USE;
/* The value of what was written to `scratch`, which is empty afterwards. */
error *execution_keep(struct execution *x, size_t offset, struct value *ret) MUST_USE;
/* Go's truth: not the zero value of its kind. */
bool execution_truth(const struct execution *x, const struct value *v);
/* Appends as fmt.Print does. */
error *execution_print(struct execution *x, size_t offset, const struct value *v,
		       struct writer *w) MUST_USE;
/* "nothing", "a boolean", …: for messages. */
const char *value_kind_name(enum value_kind kind);

/* evaluate.c */
/* The newest variable of that name. */
error *find_variable(struct execution *x, size_t offset, size_t name, struct value **ret) MUST_USE;
/* Declares what the pipeline declares. */
error *evaluate_pipeline(struct execution *x, const struct value *dot,
			 const struct pipeline *pipeline, struct value *ret) MUST_USE;
