#include "template/lookups.h"

#include "template/tree.h"

struct visit {
	lookup_function *each;
	void *context;
};

static error *visit_pipeline(const struct visit *v, const struct pipeline *p);
static error *visit_operand(const struct visit *v, const struct operand *o);
static error *index_chain(const struct visit *v, const struct command *c, bool piped, struct lookup *ret);

static void append(struct lookup *chain, bytes name)
{
	if (chain->open)
		return;
	if (chain->count == LOOKUP_NAMES_MAX)
		chain->open = true;
	else
		chain->names[chain->count++] = name;
}

static bool is_index(const struct command *c)
{
	const struct operand *first = c->operands;
	return first->type == OPERAND_BUILTIN && first->next && first->builtin == builtin_find(bytes_of("index", 5));
}

/* The chain that an operand stands for; false when it is none, and all within it was visited. */
static error *chain_of(const struct visit *v, const struct operand *o, struct lookup *ret, bool *is_chain)
{
	struct lookup chain = { 0 };
	*is_chain = true;
	if (o->type == OPERAND_PIPELINE) {
		const struct command *only = o->pipeline->commands;
		if (only->next || !(is_index(only) || !only->operands->next))
			*is_chain = false;
		else if (is_index(only))
			TRY(index_chain(v, only, false, &chain));
		else
			TRY(chain_of(v, only->operands, &chain, is_chain));
		if (!*is_chain)
			return only->next || only->operands->next ? visit_pipeline(v, o->pipeline) : NULL;
	} else if (o->type != OPERAND_DOT && o->type != OPERAND_VARIABLE) {
		*is_chain = false;
		return NULL;
	}
	for (const struct field *f = o->fields; f; f = f->next)
		append(&chain, f->name);
	*ret = chain;
	return NULL;
}

/* index base "a" "b"; what is piped into it comes last. */
static error *index_chain(const struct visit *v, const struct command *c, bool piped, struct lookup *ret)
{
	struct lookup chain = { 0 };
	const struct operand *base = c->operands->next;
	bool is_chain;
	TRY(chain_of(v, base, &chain, &is_chain));
	for (const struct operand *name = base->next; name; name = name->next) {
		if (name->type == OPERAND_STRING) {
			append(&chain, name->literal.string);
			continue;
		}
		TRY(visit_operand(v, name));
		chain.open = true;
	}
	chain.open |= piped;
	*ret = chain;
	return NULL;
}

static error *visit_operand(const struct visit *v, const struct operand *o)
{
	struct lookup chain;
	bool is_chain;
	TRY(chain_of(v, o, &chain, &is_chain));
	return is_chain ? v->each(v->context, &chain) : NULL;
}

static error *visit_command(const struct visit *v, const struct command *c, bool piped)
{
	struct lookup chain;
	if (is_index(c)) {
		TRY(index_chain(v, c, piped, &chain));
		return v->each(v->context, &chain);
	}
	for (const struct operand *o = c->operands; o; o = o->next)
		TRY(visit_operand(v, o));
	return NULL;
}

static error *visit_pipeline(const struct visit *v, const struct pipeline *p)
{
	for (const struct command *c = p->commands; c; c = c->next)
		TRY(visit_command(v, c, c != p->commands));
	return NULL;
}

static error *visit_nodes(const struct visit *v, const struct node *node)
{
	for (; node; node = node->next) {
		if (node->pipeline)
			TRY(visit_pipeline(v, node->pipeline));
		TRY(visit_nodes(v, node->body));
		TRY(visit_nodes(v, node->otherwise));
	}
	return NULL;
}

error *template_lookups(const struct template *t, lookup_function *each, void *context)
{
	struct visit v = { each, context };
	return visit_nodes(&v, t->nodes);
}
