#include "template/lexer.h"
#include "template/literal.h"
#include "template/printf.h"

struct parser {
	struct lexer lexer;
	struct token token, ahead; /* the next one, and the one behind it when it was looked at */
	bool has_ahead;
	const struct template_scope *scope;
	struct template *t;
	bytes names[TEMPLATE_VARIABLES_MAX]; /* of variables, by number */
	size_t name_count;
	size_t visible[TEMPLATE_VARIABLES_MAX]; /* numbers of the names that may be used here */
	size_t visible_count;
	size_t nodes, depth, ranges; /* so far; around here; around here */
};

static error *advance(struct parser *p)
{
	if (!p->has_ahead)
		return lexer_next(&p->lexer, &p->token);
	p->token = p->ahead;
	p->has_ahead = false;
	return NULL;
}

static error *look_ahead(struct parser *p)
{
	TRY(lexer_next(&p->lexer, &p->ahead));
	p->has_ahead = true;
	return NULL;
}

/* The token, shortened for a message. */
static int shown(const struct token *token)
{
	return token->text.size > 40 ? 40 : (int)token->text.size;
}

static error *unexpected(const struct parser *p, const char *expected)
{
	const struct token *token = &p->token;
	if (token->type == TOKEN_UNSUPPORTED)
		return template_error(p->t, token->offset,
				      "manifests can't use \"%.*s\"; %s expected", shown(token),
				      (const char *)token->text.data, expected);
	if (token->type == TOKEN_END_OF_TEXT)
		return template_error(p->t, token->offset, "the template ends here; %s expected",
				      expected);
	return template_error(p->t, token->offset, "unexpected \"%.*s\"; %s expected", shown(token),
			      (const char *)token->text.data, expected);
}

static error *expect(struct parser *p, enum token_type type, const char *expected)
{
	return p->token.type == type ? advance(p) : unexpected(p, expected);
}

static error *new_part(struct parser *p, size_t size, void **ret)
{
	if (++p->nodes > TEMPLATE_NODES_MAX)
		return template_error(p->t, p->token.offset, "the template has more than %d parts",
				      TEMPLATE_NODES_MAX);
	*ret = arena_alloc(&p->t->arena, 1, size);
	TRY_ALLOC(*ret);
	return NULL;
}
#define NEW_PART(p, ret)                                                                           \
	__extension__({                                                                            \
		void *part_ = NULL;                                                                \
		error *failure_ = new_part(p, sizeof **(ret), &part_);                             \
		*(ret) = part_;                                                                    \
		failure_;                                                                          \
	})

static error *enter(struct parser *p, size_t offset)
{
	if (p->depth++ == TEMPLATE_DEPTH_MAX)
		return template_error(p->t, offset, "nested more than %d levels deep",
				      TEMPLATE_DEPTH_MAX);
	return NULL;
}

/* Variables */

static error *declare_variable(struct parser *p, bytes name, size_t *ret)
{
	size_t number = 0;
	while (number < p->name_count && !bytes_equal(p->names[number], name))
		number++;
	if (p->t->declarations == TEMPLATE_VARIABLES_MAX)
		return template_error(p->t, p->token.offset, "more than %d variables are declared",
				      TEMPLATE_VARIABLES_MAX - 1);
	if (number == p->name_count)
		p->names[p->name_count++] = name;
	p->t->declarations++;
	/* Go's parser lets later actions use a name that is only assigned, too; whether there is
	 * such a variable shows when the template is executed. */
	p->visible[p->visible_count++] = number;
	*ret = number;
	return NULL;
}

static error *use_variable(struct parser *p, size_t *ret)
{
	for (size_t i = p->visible_count; i-- > 0;)
		if (bytes_equal(p->names[p->visible[i]], p->token.text)) {
			*ret = p->visible[i];
			return NULL;
		}
	return template_error(p->t, p->token.offset, "the variable %.*s is not declared here",
			      shown(&p->token), (const char *)p->token.text.data);
}

/* Operands */

static error *parse_pipeline(struct parser *p, const char *context, enum token_type end,
			     struct pipeline **ret);

static error *parse_function(struct parser *p, struct operand *o)
{
	bytes name = p->token.text;
	if (p->scope->has_function && p->scope->has_function(p->scope->context, name)) {
		o->type = OPERAND_FUNCTION;
		o->function = name;
		return NULL;
	}
	o->type = OPERAND_BUILTIN;
	o->builtin = builtin_find(name);
	if (!o->builtin)
		return template_error(p->t, p->token.offset,
				      "no function \"%.*s\" here; besides those of the manifest "
				      "there are " BUILTIN_NAMES,
				      shown(&p->token), (const char *)name.data);
	return NULL;
}

static error *parse_number(struct parser *p, struct operand *o)
{
	bool character = p->token.type == TOKEN_CHARACTER;
	o->type = OPERAND_INTEGER;
	o->literal.kind = VALUE_INTEGER;
	const char *wrong = (character ? literal_character : literal_integer)(p->token.text,
									       &o->literal.integer);
	if (wrong)
		return template_error(p->t, p->token.offset, "%.*s: %s", shown(&p->token),
				      (const char *)p->token.text.data, wrong);
	return NULL;
}

static error *parse_string(struct parser *p, struct operand *o)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	const char *wrong = NULL;
	if (p->token.type == TOKEN_STRING)
		wrong = literal_string(p->token.text, &w);
	else
		literal_raw_string(p->token.text, &w);
	if (wrong)
		return template_error(p->t, p->token.offset, "%.*s: %s", shown(&p->token),
				      (const char *)p->token.text.data, wrong);
	TRY(writer_check(&w, p->t->what));
	char *text = arena_string(&p->t->arena, writer_view(&w));
	TRY_ALLOC(text);
	o->type = OPERAND_STRING;
	o->literal = (struct value){ .kind = VALUE_STRING, .string = bytes_of(text, w.size) };
	return NULL;
}

static error *parse_parenthesis(struct parser *p, struct operand *o)
{
	struct pipeline *inner;
	TRY(enter(p, p->token.offset));
	TRY(advance(p));
	TRY(parse_pipeline(p, "the parentheses", TOKEN_RIGHT_PARENTHESIS, &inner));
	p->depth--;
	o->type = OPERAND_PIPELINE;
	o->pipeline = inner;
	return NULL;
}

static bool begins_operand(enum token_type type)
{
	return (type >= TOKEN_DOT && type <= TOKEN_NIL) || type == TOKEN_LEFT_PARENTHESIS;
}

/* Leaves the last token of the term to be taken. */
static error *parse_term(struct parser *p, struct operand *o)
{
	switch (p->token.type) {
	case TOKEN_VARIABLE:
		o->type = OPERAND_VARIABLE;
		return use_variable(p, &o->variable);
	case TOKEN_NAME:
		return parse_function(p, o);
	case TOKEN_NUMBER:
	case TOKEN_CHARACTER:
		return parse_number(p, o);
	case TOKEN_STRING:
	case TOKEN_RAW_STRING:
		return parse_string(p, o);
	case TOKEN_BOOLEAN:
		o->type = OPERAND_BOOLEAN;
		o->literal.kind = VALUE_BOOLEAN;
		o->literal.boolean = bytes_equal_string(p->token.text, "true");
		return NULL;
	case TOKEN_NIL:
		o->type = OPERAND_NIL;
		return NULL;
	case TOKEN_LEFT_PARENTHESIS:
		return parse_parenthesis(p, o);
	default: /* TOKEN_DOT */
		o->type = OPERAND_DOT;
		return NULL;
	}
}

static error *take_field(struct parser *p, struct field **at)
{
	TRY(NEW_PART(p, at));
	(*at)->name = bytes_slice(p->token.text, 1, SIZE_MAX);
	return advance(p);
}

/* A term and the fields that follow it without white space; .name is dot with a field. */
static error *parse_operand(struct parser *p, struct operand **ret)
{
	struct operand *o;
	struct token first = p->token;
	TRY(NEW_PART(p, &o));
	o->offset = first.offset;
	struct field **end = &o->fields;
	if (first.type == TOKEN_FIELD) {
		TRY(take_field(p, end));
		end = &(*end)->next;
	} else {
		TRY(parse_term(p, o));
		TRY(advance(p));
	}
	for (; p->token.type == TOKEN_FIELD && !p->token.space_before; end = &(*end)->next) {
		if (o->type <= OPERAND_STRING && !o->fields)
			return template_error(p->t, p->token.offset,
					      "\"%.*s\" has no fields; a space or }} expected",
					      shown(&first), (const char *)first.text.data);
		TRY(take_field(p, end));
	}
	*ret = o;
	return NULL;
}

/* Commands and pipelines */

/* What can be known before the execution: a format that is written out. */
static error *check_format(const struct parser *p, const struct command *c)
{
	const struct operand *function = c->operands, *format = function->next;
	if (function->type != OPERAND_BUILTIN || strcmp(function->builtin->name, "printf") != 0 ||
	    !format || format->type != OPERAND_STRING)
		return NULL;
	const char *wrong = printf_check(format->literal.string);
	if (wrong)
		return template_error(p->t, format->offset, "the format of printf: %s", wrong);
	return NULL;
}

static bool ends_command(enum token_type type)
{
	return type == TOKEN_PIPE || type == TOKEN_CLOSE || type == TOKEN_RIGHT_PARENTHESIS;
}

/* Operands with white space between them, up to a |, ) or }}. */
static error *parse_command(struct parser *p, struct command **ret)
{
	struct command *c;
	TRY(NEW_PART(p, &c));
	struct operand **end = &c->operands;
	do {
		if (!begins_operand(p->token.type) || (c->count && !p->token.space_before))
			return unexpected(p, c->count ? "a space, |, ) or }}" : "a value");
		TRY(parse_operand(p, end));
		end = &(*end)->next;
		c->count++;
	} while (!ends_command(p->token.type));
	TRY(check_format(p, c));
	*ret = c;
	return NULL;
}

/* Go: "non executable command in pipeline stage": what takes no argument can't stand behind |. */
static bool is_executable(const struct operand *o)
{
	return o->fields || o->type >= OPERAND_VARIABLE;
}

/* Leaves `end` to be taken. A | directly before it is let through, as in Go. */
static error *parse_commands(struct parser *p, struct pipeline *pipeline, enum token_type end)
{
	for (struct command **at = &pipeline->commands; p->token.type != end; at = &(*at)->next) {
		size_t offset = p->token.offset;
		TRY(parse_command(p, at));
		if (at != &pipeline->commands && !is_executable((*at)->operands))
			return template_error(p->t, offset, "a function expected after |");
		if (p->token.type == TOKEN_PIPE)
			TRY(advance(p));
	}
	return NULL;
}

/* $x := or $x = before the commands; of `range` also $k, $v := */
static error *parse_declarations(struct parser *p, bool range, struct pipeline *pipeline)
{
	while (p->token.type == TOKEN_VARIABLE) {
		TRY(look_ahead(p));
		enum token_type sign = p->ahead.type;
		if (sign != TOKEN_DECLARE && sign != TOKEN_ASSIGN && sign != TOKEN_COMMA)
			return NULL;
		size_t most = range ? 2 : 1, *count = &pipeline->variable_count;
		if (*count + (sign == TOKEN_COMMA) == most)
			return template_error(p->t, p->ahead.offset,
					      "too many variables; %s expected before := or =",
					      range ? "one or two" : "one");
		TRY(declare_variable(p, p->token.text, &pipeline->variables[(*count)++]));
		TRY(advance(p));
		TRY(advance(p));
		pipeline->assigns = sign == TOKEN_ASSIGN;
		if (sign != TOKEN_COMMA)
			return NULL;
		if (p->token.type != TOKEN_VARIABLE)
			return unexpected(p, "a second variable");
	}
	return NULL;
}

static error *parse_pipeline(struct parser *p, const char *context, enum token_type end,
			     struct pipeline **ret)
{
	struct pipeline *pipeline;
	TRY(NEW_PART(p, &pipeline));
	pipeline->offset = p->token.offset;
	TRY(parse_declarations(p, strcmp(context, "range") == 0, pipeline));
	TRY(parse_commands(p, pipeline, end));
	if (!pipeline->commands)
		return template_error(p->t, pipeline->offset, "a value for %s expected", context);
	*ret = pipeline;
	return NULL;
}

/* Nodes */

static error *parse_list(struct parser *p, struct node **at, enum token_type *ret_end);

/* The part between a control action and its {{end}} or {{else}}. */
static error *parse_inside(struct parser *p, const struct node *control, struct node **at,
			   enum token_type *ret_end)
{
	TRY(parse_list(p, at, ret_end));
	if (*ret_end == TOKEN_END_OF_TEXT)
		return template_error(p->t, control->offset, "not closed: {{end}} expected");
	return NULL;
}

static error *parse_control(struct parser *p, struct node *control);

/* {{else}}, {{else if}} after if, {{else with}} after with; the {{end}} of the last is for all. */
static error *parse_else(struct parser *p, struct node *control)
{
	enum token_type type = p->token.type, end;
	control->has_otherwise = true;
	if ((type == TOKEN_IF && control->type == NODE_IF) ||
	    (type == TOKEN_WITH && control->type == NODE_WITH)) {
		TRY(NEW_PART(p, &control->otherwise));
		control->otherwise->type = control->type;
		control->otherwise->offset = p->token.offset;
		return parse_control(p, control->otherwise);
	}
	static const char *const expected[] = {
		[NODE_IF] = "}} or if", [NODE_WITH] = "}} or with", [NODE_RANGE] = "}}"
	};
	TRY(expect(p, TOKEN_CLOSE, expected[control->type]));
	size_t offset = p->token.offset;
	TRY(parse_inside(p, control, &control->otherwise, &end));
	if (end != TOKEN_END)
		return template_error(p->t, offset, "a second {{else}} follows; {{end}} expected");
	return NULL;
}

static error *parse_control(struct parser *p, struct node *control)
{
	static const char *const contexts[] = {
		[NODE_IF] = "if", [NODE_WITH] = "with", [NODE_RANGE] = "range"
	};
	size_t visible = p->visible_count;
	enum token_type end;
	TRY(enter(p, control->offset));
	TRY(advance(p));
	TRY(parse_pipeline(p, contexts[control->type], TOKEN_CLOSE, &control->pipeline));
	TRY(advance(p));
	p->ranges += control->type == NODE_RANGE;
	TRY(parse_inside(p, control, &control->body, &end));
	p->ranges -= control->type == NODE_RANGE;
	if (end == TOKEN_ELSE)
		TRY(parse_else(p, control));
	p->visible_count = visible;
	p->depth--;
	return NULL;
}

static error *parse_leave(struct parser *p, struct node *n)
{
	if (!p->ranges)
		return template_error(p->t, n->offset, "%.*s outside of range", shown(&p->token),
				      (const char *)p->token.text.data);
	TRY(advance(p));
	return expect(p, TOKEN_CLOSE, "}}");
}

static error *parse_action(struct parser *p, struct node *n)
{
	n->offset = p->token.offset;
	switch (p->token.type) {
	case TOKEN_IF:
		n->type = NODE_IF;
		return parse_control(p, n);
	case TOKEN_WITH:
		n->type = NODE_WITH;
		return parse_control(p, n);
	case TOKEN_RANGE:
		n->type = NODE_RANGE;
		return parse_control(p, n);
	case TOKEN_BREAK:
		n->type = NODE_BREAK;
		return parse_leave(p, n);
	case TOKEN_CONTINUE:
		n->type = NODE_CONTINUE;
		return parse_leave(p, n);
	default:
		n->type = NODE_ACTION;
		TRY(parse_pipeline(p, "the action", TOKEN_CLOSE, &n->pipeline));
		return advance(p);
	}
}

static error *parse_text(struct parser *p, struct node *n)
{
	n->type = NODE_TEXT;
	n->offset = p->token.offset;
	n->text = p->token.text;
	return advance(p);
}

/* Up to the end of the text, {{end}} (taken whole) or {{else (taken so far). */
static error *parse_list(struct parser *p, struct node **at, enum token_type *ret_end)
{
	for (; p->token.type != TOKEN_END_OF_TEXT; at = &(*at)->next) {
		bool is_text = p->token.type == TOKEN_TEXT;
		if (!is_text)
			TRY(expect(p, TOKEN_OPEN, "{{"));
		if (!is_text && (p->token.type == TOKEN_END || p->token.type == TOKEN_ELSE)) {
			*ret_end = p->token.type;
			TRY(advance(p));
			return *ret_end == TOKEN_END ? expect(p, TOKEN_CLOSE, "}}") : NULL;
		}
		TRY(NEW_PART(p, at));
		TRY(is_text ? parse_text(p, *at) : parse_action(p, *at));
	}
	*ret_end = TOKEN_END_OF_TEXT;
	return NULL;
}

static error *parse_all(struct parser *p)
{
	enum token_type end;
	size_t number;
	TRY(declare_variable(p, bytes_of_string("$"), &number));
	TRY(advance(p));
	TRY(parse_list(p, &p->t->nodes, &end));
	if (end != TOKEN_END_OF_TEXT)
		return template_error(p->t, p->lexer.opened_at,
				      "{{%s}} without if, with or range before it",
				      end == TOKEN_END ? "end" : "else");
	return NULL;
}

error *template_parse(bytes text, const char *what, const struct template_scope *scope,
		      struct template **ret)
{
	if (text.size > TEMPLATE_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "%s: the template is larger than %d bytes", what,
				 TEMPLATE_SIZE_MAX);
	CLEANUP(template_free) struct template *t = calloc(1, sizeof *t);
	TRY_ALLOC(t);
	const char *copy = arena_string(&t->arena, text);
	t->what = arena_string(&t->arena, bytes_of_string(what));
	if (!copy || !t->what)
		return error_no_memory();
	t->text = bytes_of(copy, text.size);
	CLEANUP_FREE struct parser *p = calloc(1, sizeof *p);
	TRY_ALLOC(p);
	p->t = t;
	p->lexer.t = t;
	p->scope = scope;
	TRY(parse_all(p));
	*ret = TAKE(t);
	return NULL;
}

void template_free(struct template *t)
{
	if (t)
		arena_free(&t->arena);
	free(t);
}
