#include "template/builtin.h"

#include "template/execution.h"
#include "template/printf.h"

#define CALL_ERROR(x, call, format, ...)                                                           \
	template_error((x)->t, (call)->offset, "%.*s: " format, (int)(call)->name.size,            \
		       (const char *)(call)->name.data __VA_OPT__(,) __VA_ARGS__)

static struct value boolean(bool truth)
{
	return (struct value){ .kind = VALUE_BOOLEAN, .boolean = truth };
}

static struct value integer(int64_t number)
{
	return (struct value){ .kind = VALUE_INTEGER, .integer = number };
}

static error *run_not(struct execution *x, const struct call *call, struct value *ret)
{
	*ret = boolean(!execution_truth(x, &call->arguments[0]));
	return NULL;
}

/* Comparison */

static error *cannot_compare(struct execution *x, const struct call *call, const struct value *a,
			     const struct value *b)
{
	return CALL_ERROR(x, call, "%s can't be compared with %s", value_kind_name(a->kind),
			  value_kind_name(b->kind));
}

/* Negative, 0 or positive; integers or strings. */
static error *compare(struct execution *x, const struct call *call, const struct value *a,
		      const struct value *b, int *ret)
{
	if (a->kind != b->kind || (a->kind != VALUE_INTEGER && a->kind != VALUE_STRING))
		return cannot_compare(x, call, a, b);
	TRY(execution_spend(x, call->offset, a->string.size));
	*ret = a->kind == VALUE_STRING ? bytes_compare(a->string, b->string) :
					 (a->integer > b->integer) - (a->integer < b->integer);
	return NULL;
}

/* Anything can be compared with nothing. An object that is true is not nothing; of an empty one,
 * Go's answer would depend on how it is stored. */
static error *equal(struct execution *x, const struct call *call, const struct value *a,
		    const struct value *b, bool *ret)
{
	int order = 1;
	if (a->kind == VALUE_NOTHING || b->kind == VALUE_NOTHING) {
		const struct value *other = a->kind == VALUE_NOTHING ? b : a;
		if (other->kind == VALUE_OBJECT && !execution_truth(x, other))
			return cannot_compare(x, call, a, b);
		*ret = a->kind == b->kind;
		return NULL;
	}
	if (a->kind == VALUE_BOOLEAN && b->kind == VALUE_BOOLEAN) {
		*ret = a->boolean == b->boolean;
		return NULL;
	}
	TRY(compare(x, call, a, b, &order));
	*ret = order == 0;
	return NULL;
}

static error *run_eq(struct execution *x, const struct call *call, struct value *ret)
{
	bool is_equal = false;
	for (size_t i = 1; i < call->count && !is_equal; i++)
		TRY(equal(x, call, &call->arguments[0], &call->arguments[i], &is_equal));
	*ret = boolean(is_equal);
	return NULL;
}

static error *run_ne(struct execution *x, const struct call *call, struct value *ret)
{
	TRY(run_eq(x, call, ret));
	ret->boolean = !ret->boolean;
	return NULL;
}

#define DEFINE_ORDER(name, operator)                                                               \
	static error *name(struct execution *x, const struct call *call, struct value *ret)        \
	{                                                                                          \
		int order;                                                                         \
		TRY(compare(x, call, &call->arguments[0], &call->arguments[1], &order));           \
		*ret = boolean(order operator 0);                                                  \
		return NULL;                                                                       \
	}
DEFINE_ORDER(run_lt, <)
DEFINE_ORDER(run_le, <=)
DEFINE_ORDER(run_gt, >)
DEFINE_ORDER(run_ge, >=)

/* Parts */

static error *index_string(struct execution *x, const struct call *call, bytes text,
			   const struct value *index, struct value *ret)
{
	if (index->kind != VALUE_INTEGER)
		return CALL_ERROR(x, call, "the index of a string is an integer, not %s",
				  value_kind_name(index->kind));
	if (index->integer < 0 || (uint64_t)index->integer >= text.size)
		return CALL_ERROR(x, call, "the index lies outside of the string");
	*ret = integer(text.data[index->integer]);
	return NULL;
}

/* Go gives the zero value for a name that a map does not have: an empty secret, say. Here that is
 * refused, since nothing good can come of it. */
static error *index_object(struct execution *x, const struct call *call, const struct value *object,
			   const struct value *index, struct value *ret)
{
	if (index->kind != VALUE_STRING)
		return CALL_ERROR(x, call, "the index of an object is a string, not %s",
				  value_kind_name(index->kind));
	bytes name;
	bool end;
	/* only maps have an index, and only maps have keys */
	TRY(template_wrap(x->scope->key(x->scope->context, object, 0, &name, &end), x->t,
			  call->offset, "index"));
	TRY(template_wrap(x->scope->field(x->scope->context, object, index->string, ret), x->t,
			  call->offset, "index"));
	return ret->kind == VALUE_NOTHING ? CALL_ERROR(x, call, "there is no entry of that name") :
					    NULL;
}

static error *run_index(struct execution *x, const struct call *call, struct value *ret)
{
	struct value item = call->arguments[0];
	if (item.kind == VALUE_NOTHING)
		return CALL_ERROR(x, call, "nothing has no entries");
	for (size_t i = 1; i < call->count; i++) {
		struct value of = item;
		const struct value *index = &call->arguments[i];
		if (of.kind == VALUE_STRING)
			TRY(index_string(x, call, of.string, index, &item));
		else if (of.kind == VALUE_OBJECT)
			TRY(index_object(x, call, &of, index, &item));
		else
			return CALL_ERROR(x, call, "%s has no entries", value_kind_name(of.kind));
	}
	*ret = item;
	return NULL;
}

static error *run_len(struct execution *x, const struct call *call, struct value *ret)
{
	const struct value *v = &call->arguments[0];
	size_t count = 0;
	if (v->kind == VALUE_STRING) {
		*ret = integer((int64_t)v->string.size);
		return NULL;
	}
	if (v->kind != VALUE_OBJECT)
		return CALL_ERROR(x, call, "%s has no length", value_kind_name(v->kind));
	for (;; count++) {
		bytes name;
		bool end = false;
		TRY(execution_spend(x, call->offset, 0));
		TRY(template_wrap(x->scope->key(x->scope->context, v, count, &name, &end), x->t,
				  call->offset, "len"));
		if (end)
			break;
	}
	*ret = integer((int64_t)count);
	return NULL;
}

/* Printing */

static error *print_argument(struct execution *x, const struct call *call, const struct value *v)
{
	TRY(execution_spend(x, call->offset, v->string.size));
	if (v->kind != VALUE_OBJECT) {
		write_value(&x->scratch, v);
		return NULL;
	}
	return execution_print(x, call->offset, v, &x->scratch);
}

/* fmt.Sprint: "Spaces are added between operands when neither is a string." */
static error *run_print(struct execution *x, const struct call *call, struct value *ret)
{
	writer_reset(&x->scratch);
	for (size_t i = 0; i < call->count; i++) {
		const struct value *v = &call->arguments[i];
		if (i && v->kind != VALUE_STRING && v[-1].kind != VALUE_STRING)
			write_u8(&x->scratch, ' ');
		TRY(print_argument(x, call, v));
	}
	return execution_keep(x, call->offset, ret);
}

/* fmt.Sprintln: "Spaces are always added between operands and a newline is appended." */
static error *run_println(struct execution *x, const struct call *call, struct value *ret)
{
	writer_reset(&x->scratch);
	for (size_t i = 0; i < call->count; i++) {
		if (i)
			write_u8(&x->scratch, ' ');
		TRY(print_argument(x, call, &call->arguments[i]));
	}
	write_u8(&x->scratch, '\n');
	return execution_keep(x, call->offset, ret);
}

static error *run_printf(struct execution *x, const struct call *call, struct value *ret)
{
	const struct value *format = &call->arguments[0];
	if (format->kind != VALUE_STRING)
		return CALL_ERROR(x, call, "the format is a string, not %s",
				  value_kind_name(format->kind));
	for (size_t i = 0; i < call->count; i++)
		TRY(execution_spend(x, call->offset, call->arguments[i].string.size));
	writer_reset(&x->scratch);
	const char *wrong = printf_run(format->string, call->arguments + 1, call->count - 1,
				       &x->scratch);
	if (wrong)
		return CALL_ERROR(x, call, "%s", wrong);
	return execution_keep(x, call->offset, ret);
}

const struct builtin *builtin_find(bytes name)
{
	static const struct builtin builtins[] = {
		{ "and", 1, SIZE_MAX, NULL, false },
		{ "or", 1, SIZE_MAX, NULL, true },
		{ "not", 1, 1, run_not },
		{ "eq", 2, SIZE_MAX, run_eq },
		{ "ne", 2, 2, run_ne },
		{ "lt", 2, 2, run_lt },
		{ "le", 2, 2, run_le },
		{ "gt", 2, 2, run_gt },
		{ "ge", 2, 2, run_ge },
		{ "index", 1, SIZE_MAX, run_index },
		{ "len", 1, 1, run_len },
		{ "print", 0, SIZE_MAX, run_print },
		{ "printf", 1, SIZE_MAX, run_printf },
		{ "println", 0, SIZE_MAX, run_println },
	};
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (bytes_equal_string(name, builtins[i].name))
			return &builtins[i];
	return NULL;
}
