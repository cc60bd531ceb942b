/* The walk over the nodes. */
#include "template/execution.h"
#include "template/printf.h"

enum { BYTES_PER_STEP = 1024 };

error *execution_spend(struct execution *x, size_t offset, size_t handled)
{
	size_t steps = 1 + handled / BYTES_PER_STEP;
	if (steps > TEMPLATE_STEPS_MAX - x->steps)
		return template_error_code(ERROR_TOO_LARGE, x->t, offset,
					   "the template takes more than %d steps",
					   TEMPLATE_STEPS_MAX);
	x->steps += steps;
	return NULL;
}

error *execution_keep(struct execution *x, size_t offset, struct value *ret)
{
	TRY(template_wrap(writer_check(&x->scratch, "a string"), x->t, offset, "in the result"));
	TRY(execution_spend(x, offset, x->scratch.size));
	if (x->scratch.size > TEMPLATE_MEMORY_MAX - x->kept)
		return template_error_code(ERROR_TOO_LARGE, x->t, offset,
					   "the template makes more than %d bytes of strings",
					   TEMPLATE_MEMORY_MAX);
	x->kept += x->scratch.size;
	char *copy = arena_string(&x->memory, writer_view(&x->scratch));
	TRY_ALLOC(copy);
	*ret = (struct value){ .kind = VALUE_STRING, .string = bytes_of(copy, x->scratch.size) };
	return NULL;
}

bool execution_truth(const struct execution *x, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NOTHING:
		return false;
	case VALUE_BOOLEAN:
		return v->boolean;
	case VALUE_INTEGER:
		return v->integer != 0;
	case VALUE_STRING:
		return v->string.size > 0;
	case VALUE_OBJECT:
		return x->scope->truth(x->scope->context, v);
	}
	return false;
}

error *execution_print(struct execution *x, size_t offset, const struct value *v, struct writer *w)
{
	if (v->kind == VALUE_OBJECT)
		return template_wrap(x->scope->print(x->scope->context, v, w), x->t, offset,
				     "printing an object");
	if (v->kind == VALUE_NOTHING)
		write_string(w, "<no value>");
	else
		write_value(w, v);
	return NULL;
}

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[] = {
		[VALUE_NOTHING] = "nothing",  [VALUE_BOOLEAN] = "a boolean",
		[VALUE_INTEGER] = "an integer", [VALUE_STRING] = "a string",
		[VALUE_OBJECT] = "an object",
	};
	return names[kind];
}

static error *walk_list(struct execution *x, const struct value *dot, const struct node *first);

static error *walk_action(struct execution *x, const struct value *dot, const struct node *n)
{
	struct value value;
	TRY(evaluate_pipeline(x, dot, n->pipeline, &value));
	if (n->pipeline->variable_count)
		return NULL;
	TRY(execution_spend(x, n->offset, value.kind == VALUE_STRING ? value.string.size : 0));
	return execution_print(x, n->offset, &value, x->output);
}

static error *walk_if_or_with(struct execution *x, const struct value *dot, const struct node *n)
{
	struct value value;
	TRY(evaluate_pipeline(x, dot, n->pipeline, &value));
	if (execution_truth(x, &value))
		return walk_list(x, n->type == NODE_WITH ? &value : dot, n->body);
	return walk_list(x, dot, n->otherwise);
}

/* range */

/* One variable takes the element; of two, the first takes the key. The pipeline declared them. */
static error *set_range_variables(struct execution *x, const struct node *n,
				  const struct value *key, const struct value *element)
{
	const struct pipeline *p = n->pipeline;
	for (size_t i = 0; i < p->variable_count; i++) {
		const struct value *value = i + 1 == p->variable_count ? element : key;
		size_t newest = x->variable_count - p->variable_count;
		struct value *variable = &x->variables[newest + i].value;
		if (p->assigns)
			TRY(find_variable(x, n->offset, p->variables[i], &variable));
		*variable = *value;
	}
	return NULL;
}

static error *walk_iteration(struct execution *x, const struct node *n, const struct value *key,
			     const struct value *element)
{
	size_t variables = x->variable_count;
	TRY(execution_spend(x, n->offset, 0));
	TRY(set_range_variables(x, n, key, element));
	TRY(walk_list(x, element, n->body));
	x->variable_count = variables;
	if (x->flow == FLOW_CONTINUE)
		x->flow = FLOW_ON;
	return NULL;
}

static error *range_integer(struct execution *x, const struct node *n, int64_t count, bool *ret_any)
{
	if (n->pipeline->variable_count > 1)
		return template_error(x->t, n->offset,
				      "range over an integer has one variable, not two");
	static const struct value nothing;
	for (int64_t i = 0; i < count && x->flow == FLOW_ON; i++) {
		struct value element = { .kind = VALUE_INTEGER, .integer = i };
		TRY(walk_iteration(x, n, &nothing, &element));
	}
	*ret_any = count > 0;
	return NULL;
}

static error *range_object(struct execution *x, const struct node *n, const struct value *object,
			   bool *ret_any)
{
	for (size_t i = 0; x->flow == FLOW_ON; i++) {
		struct value key = { .kind = VALUE_STRING }, element;
		bool end = false;
		TRY(template_wrap(x->scope->key(x->scope->context, object, i, &key.string, &end),
				  x->t, n->offset, "range"));
		*ret_any = i > 0 || !end;
		if (end)
			break;
		TRY(template_wrap(x->scope->field(x->scope->context, object, key.string, &element),
				  x->t, n->offset, "range"));
		TRY(walk_iteration(x, n, &key, &element));
	}
	return NULL;
}

static error *walk_range(struct execution *x, const struct value *dot, const struct node *n)
{
	struct value over;
	bool any = false;
	TRY(evaluate_pipeline(x, dot, n->pipeline, &over));
	if (over.kind == VALUE_INTEGER)
		TRY(range_integer(x, n, over.integer, &any));
	else if (over.kind == VALUE_OBJECT)
		TRY(range_object(x, n, &over, &any));
	else if (over.kind != VALUE_NOTHING)
		return template_error(x->t, n->offset, "range can't go over %s",
				      value_kind_name(over.kind));
	if (!any)
		TRY(walk_list(x, dot, n->otherwise));
	/* A {{break}} after {{else}} leaves this range, too; a {{continue}} there is for the one
	 * around it. */
	if (x->flow == FLOW_BREAK)
		x->flow = FLOW_ON;
	return NULL;
}

static error *walk_node(struct execution *x, const struct value *dot, const struct node *n)
{
	switch (n->type) {
	case NODE_TEXT:
		write_bytes(x->output, n->text);
		return execution_spend(x, n->offset, n->text.size);
	case NODE_ACTION:
		return walk_action(x, dot, n);
	case NODE_IF:
	case NODE_WITH:
		return walk_if_or_with(x, dot, n);
	case NODE_RANGE:
		return walk_range(x, dot, n);
	case NODE_BREAK:
		x->flow = FLOW_BREAK;
		return NULL;
	case NODE_CONTINUE:
		x->flow = FLOW_CONTINUE;
		return NULL;
	}
	return template_error_code(ERROR_INTERNAL, x->t, n->offset, "an unknown node");
}

static error *walk_list(struct execution *x, const struct value *dot, const struct node *first)
{
	for (const struct node *n = first; n && x->flow == FLOW_ON; n = n->next) {
		size_t variables = x->variable_count;
		TRY(execution_spend(x, n->offset, 0));
		TRY(walk_node(x, dot, n));
		TRY(template_wrap(writer_check(x->output, "the output"), x->t, n->offset, "here"));
		/* what an action declares lives on until the list around it ends */
		if (n->type != NODE_ACTION)
			x->variable_count = variables;
	}
	return NULL;
}

static void execution_free(struct execution *x)
{
	arena_free(&x->memory);
	writer_free(&x->scratch);
	free(x->variables);
}
DEFINE_CLEANUP_IN_PLACE(execution_free, struct execution)

error *template_execute(const struct template *t, const struct template_scope *scope,
			const struct value *dot, struct writer *output)
{
	CLEANUP(execution_free) struct execution x = {
		.t = t,
		.scope = scope,
		.output = output,
		.scratch = { .secret = true, .limit = TEMPLATE_MEMORY_MAX },
		.variables = calloc(t->declarations, sizeof *x.variables),
	};
	TRY_ALLOC(x.variables);
	x.variables[x.variable_count++] = (struct variable){ VARIABLE_DOLLAR, *dot };
	return walk_list(&x, dot, t->nodes);
}
