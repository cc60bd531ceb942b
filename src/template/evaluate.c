/* Pipelines, commands and operands to values. */
#include "template/execution.h"

/* Variables */

static error *push_variable(struct execution *x, const struct pipeline *p, size_t name,
			    const struct value *value)
{
	if (x->variable_count == x->t->declarations)
		return template_error_code(ERROR_INTERNAL, x->t, p->offset, "too many variables");
	x->variables[x->variable_count++] = (struct variable){ name, *value };
	return NULL;
}

error *find_variable(struct execution *x, size_t offset, size_t name, struct value **ret)
{
	for (size_t i = x->variable_count; i-- > 0;)
		if (x->variables[i].name == name) {
			*ret = &x->variables[i].value;
			return NULL;
		}
	return template_error(x->t, offset, "there is no such variable here (yet)");
}

static error *set_variables(struct execution *x, const struct pipeline *p,
			    const struct value *value)
{
	for (size_t i = 0; i < p->variable_count; i++) {
		struct value *variable;
		if (!p->assigns) {
			TRY(push_variable(x, p, p->variables[i], value));
			continue;
		}
		TRY(find_variable(x, p->offset, p->variables[i], &variable));
		*variable = *value;
	}
	return NULL;
}

/* Fields */

static error *evaluate_field(struct execution *x, const struct operand *o, bytes name,
			     const struct value *receiver, struct value *ret)
{
	TRY(execution_spend(x, o->offset, 0));
	if (receiver->kind != VALUE_OBJECT)
		return template_error(x->t, o->offset, "%s has no field \"%.*s\"",
				      value_kind_name(receiver->kind), (int)name.size,
				      (const char *)name.data);
	error *e = x->scope->field(x->scope->context, receiver, name, ret);
	return template_wrap(e, x->t, o->offset, ".%.*s", (int)name.size, (const char *)name.data);
}

/* Fields of nothing are nothing, whatever stands behind them; other fields take no arguments. */
static error *evaluate_fields(struct execution *x, const struct operand *o, bool has_arguments,
			      struct value *value)
{
	for (const struct field *f = o->fields; f && value->kind != VALUE_NOTHING; f = f->next) {
		if (has_arguments && !f->next)
			return template_error(x->t, o->offset, "a field takes no arguments");
		struct value of = *value;
		TRY(evaluate_field(x, o, f->name, &of, value));
	}
	return NULL;
}

/* Functions */

static error *evaluate_operand(struct execution *x, const struct value *dot,
			       const struct operand *o, struct value *ret);

/* and, or: the first argument that decides, else the last. */
static error *evaluate_logic(struct execution *x, const struct value *dot, const struct operand *o,
			     const struct value *last, struct value *ret)
{
	bool stops_at = o->builtin->stops_at;
	for (const struct operand *argument = o->next; argument; argument = argument->next) {
		TRY(evaluate_operand(x, dot, argument, ret));
		if (execution_truth(x, ret) == stops_at)
			return NULL;
	}
	if (last)
		*ret = *last;
	return NULL;
}

static error *call_function(struct execution *x, const struct operand *o, const struct call *call,
			    struct value *ret)
{
	if (o->type == OPERAND_BUILTIN)
		return o->builtin->run(x, call, ret);
	writer_reset(&x->scratch);
	error *e = x->scope->call(x->scope->context, call->name, call->arguments, call->count,
				  &x->scratch);
	TRY(template_wrap(e, x->t, o->offset, "%.*s", (int)call->name.size,
			  (const char *)call->name.data));
	return execution_keep(x, o->offset, ret);
}

static error *check_count(struct execution *x, const struct operand *o, size_t count)
{
	const struct builtin *b = o->builtin;
	if (o->type != OPERAND_BUILTIN || (count >= b->least && count <= b->most))
		return NULL;
	return template_error(x->t, o->offset, "%s takes %s%zu argument%s; %zu given", b->name,
			      b->least == b->most ? "" : "at least ", b->least,
			      b->least == 1 ? "" : "s", count);
}

/* `count` arguments stand behind the function; the value of the command before a | comes last. */
static error *evaluate_function(struct execution *x, const struct value *dot,
				const struct operand *o, size_t count, const struct value *last,
				struct value *ret)
{
	size_t all = count + (last != NULL);
	TRY(check_count(x, o, all));
	if (o->type == OPERAND_BUILTIN && !o->builtin->run)
		return evaluate_logic(x, dot, o, last, ret);
	CLEANUP_FREE struct value *arguments = calloc(all + 1, sizeof *arguments);
	TRY_ALLOC(arguments);
	const struct operand *argument = o->next;
	for (size_t i = 0; i < count; i++, argument = argument->next)
		TRY(evaluate_operand(x, dot, argument, &arguments[i]));
	if (last)
		arguments[count] = *last;
	bytes name = o->type == OPERAND_BUILTIN ? bytes_of_string(o->builtin->name) : o->function;
	return call_function(x, o, &(struct call){ name, o->offset, arguments, all }, ret);
}

/* Operands */

static error *evaluate_variable(struct execution *x, const struct operand *o, struct value *ret)
{
	struct value *variable;
	TRY(find_variable(x, o->offset, o->variable, &variable));
	*ret = *variable;
	return NULL;
}

/* The term without its fields. `count` arguments and `last` are a function's. */
static error *evaluate_term(struct execution *x, const struct value *dot, const struct operand *o,
			    size_t count, const struct value *last, struct value *ret)
{
	switch (o->type) {
	case OPERAND_DOT:
		*ret = *dot;
		return NULL;
	case OPERAND_NIL:
	case OPERAND_BOOLEAN:
	case OPERAND_INTEGER:
	case OPERAND_STRING:
		*ret = o->literal;
		return NULL;
	case OPERAND_VARIABLE:
		return evaluate_variable(x, o, ret);
	case OPERAND_PIPELINE:
		return evaluate_pipeline(x, dot, o->pipeline, ret);
	case OPERAND_BUILTIN:
	case OPERAND_FUNCTION:
		return evaluate_function(x, dot, o, count, last, ret);
	}
	return template_error_code(ERROR_INTERNAL, x->t, o->offset, "an unknown operand");
}

/* As an argument: a function stands without arguments here. */
static error *evaluate_operand(struct execution *x, const struct value *dot,
			       const struct operand *o, struct value *ret)
{
	TRY(execution_spend(x, o->offset, 0));
	TRY(evaluate_term(x, dot, o, 0, NULL, ret));
	return evaluate_fields(x, o, false, ret);
}

/* Commands */

static error *evaluate_command(struct execution *x, const struct value *dot,
			       const struct command *c, const struct value *last, struct value *ret)
{
	const struct operand *o = c->operands;
	bool has_arguments = c->count > 1 || last;
	bool is_function = o->type == OPERAND_BUILTIN || o->type == OPERAND_FUNCTION;
	TRY(execution_spend(x, o->offset, 0));
	if (is_function && !o->fields)
		return evaluate_function(x, dot, o, c->count - 1, last, ret);
	if (has_arguments && !o->fields)
		return template_error(x->t, o->offset, "only a function takes arguments");
	if (o->type == OPERAND_NIL)
		return template_error(x->t, o->offset, "nil can only be an argument of a function");
	TRY(evaluate_term(x, dot, o, 0, NULL, ret));
	return evaluate_fields(x, o, has_arguments, ret);
}

error *evaluate_pipeline(struct execution *x, const struct value *dot,
			 const struct pipeline *pipeline, struct value *ret)
{
	struct value value = { 0 }, last;
	for (const struct command *c = pipeline->commands; c; c = c->next) {
		bool first = c == pipeline->commands;
		last = value;
		TRY(evaluate_command(x, dot, c, first ? NULL : &last, &value));
	}
	TRY(set_variables(x, pipeline, &value));
	*ret = value;
	return NULL;
}
