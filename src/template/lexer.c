/* The rules are those of Go's package text/template, "Text and spaces": "{{- " and " -}}" trim, and
 * the white space next to the minus sign must be there. */
#include "template/lexer.h"

#include "template/unicode.h"

static bytes rest_of(const struct lexer *l, size_t ahead)
{
	return bytes_slice(l->t->text, l->position + ahead, SIZE_MAX);
}

static bool starts_with(bytes text, const char *prefix)
{
	return bytes_equal_string(bytes_slice(text, 0, strlen(prefix)), prefix);
}

static bool is_space(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool space_at(bytes text, size_t offset)
{
	return offset < text.size && is_space(text.data[offset]);
}

static bool trims_left(bytes after_open)
{
	return starts_with(after_open, "-") && space_at(after_open, 1);
}

static bool at_trimming_close(bytes text)
{
	return space_at(text, 0) && starts_with(bytes_slice(text, 1, SIZE_MAX), "-}}");
}

static void take(struct lexer *l, enum token_type type, size_t size, struct token *ret)
{
	ret->type = type;
	ret->offset = l->position;
	ret->text = bytes_slice(l->t->text, l->position, size);
	l->position += ret->text.size;
}

static void skip_spaces(struct lexer *l)
{
	while (space_at(l->t->text, l->position))
		l->position++;
}

/* Takes "}}" or " -}}", after which white space is trimmed. False when neither is there. */
static bool take_close(struct lexer *l, struct token *ret)
{
	bool trims = at_trimming_close(rest_of(l, 0));
	if (!trims && !starts_with(rest_of(l, 0), "}}"))
		return false;
	if (trims)
		l->position += 2;
	take(l, TOKEN_CLOSE, 2, ret);
	if (trims)
		skip_spaces(l);
	return true;
}

static error *skip_comment(struct lexer *l)
{
	struct token ignored;
	bytes rest = rest_of(l, 2);
	const uint8_t *end = rest.size ? memmem(rest.data, rest.size, "*/", 2) : NULL;
	if (!end)
		return template_error(l->t, l->position,
				      "the comment is not closed: */}} expected");
	l->position += 2 + (size_t)(end - rest.data) + 2;
	if (!take_close(l, &ignored))
		return template_error(l->t, l->position,
				      "}} expected directly after the end of a comment");
	return NULL;
}

/* Text up to the next {{, without what that one trims. */
static bytes text_before(const struct lexer *l, size_t open)
{
	bytes text = bytes_slice(l->t->text, l->position, open - l->position);
	if (trims_left(bytes_slice(l->t->text, open + 2, SIZE_MAX)))
		while (text.size && is_space(text.data[text.size - 1]))
			text.size--;
	return text;
}

static error *next_in_text(struct lexer *l, struct token *ret)
{
	for (;;) {
		bytes rest = rest_of(l, 0);
		const uint8_t *brace = rest.size ? memmem(rest.data, rest.size, "{{", 2) : NULL;
		if (!brace) {
			take(l, rest.size ? TOKEN_TEXT : TOKEN_END_OF_TEXT, rest.size, ret);
			return NULL;
		}
		size_t open = l->position + (size_t)(brace - rest.data);
		bytes text = text_before(l, open);
		if (text.size) {
			take(l, TOKEN_TEXT, text.size, ret);
			l->position = open;
			return NULL;
		}
		l->position = l->opened_at = open;
		size_t mark = trims_left(rest_of(l, 2)) ? 2 : 0;
		if (!starts_with(rest_of(l, 2 + mark), "/*")) {
			take(l, TOKEN_OPEN, 2, ret);
			l->position += mark;
			l->in_action = true;
			l->parentheses = 0;
			return NULL;
		}
		l->position += 2 + mark;
		TRY(skip_comment(l));
	}
}

/* What may follow a name or a field without white space between. */
static bool at_terminator(bytes text)
{
	return !text.size || space_at(text, 0) || starts_with(text, "}}") ||
	       memchr(".,|:()", text.data[0], 6);
}

static size_t word_length(bytes text)
{
	size_t length = 0, size;
	for (;; length += size) {
		uint32_t c = utf8_decode(bytes_slice(text, length, SIZE_MAX), &size);
		if (!size || !unicode_is_word(c))
			return length;
	}
}

/* A name behind `prefix` bytes. */
static error *take_word(struct lexer *l, enum token_type type, size_t prefix, struct token *ret)
{
	size_t length = prefix + word_length(rest_of(l, prefix));
	if (!at_terminator(rest_of(l, length)))
		return template_error(l->t, l->position + length,
				      "a space, }}, | or ) expected after \"%.*s\"", (int)length,
				      (const char *)rest_of(l, 0).data);
	take(l, type, length, ret);
	return NULL;
}

static enum token_type keyword_of(bytes word)
{
	static const struct {
		const char *word;
		enum token_type type;
	} keywords[] = {
		{ "if", TOKEN_IF },
		{ "with", TOKEN_WITH },
		{ "range", TOKEN_RANGE },
		{ "else", TOKEN_ELSE },
		{ "end", TOKEN_END },
		{ "break", TOKEN_BREAK },
		{ "continue", TOKEN_CONTINUE },
		{ "true", TOKEN_BOOLEAN },
		{ "false", TOKEN_BOOLEAN },
		{ "nil", TOKEN_NIL },
		{ "define", TOKEN_UNSUPPORTED },
		{ "template", TOKEN_UNSUPPORTED },
		{ "block", TOKEN_UNSUPPORTED },
	};
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (bytes_equal_string(word, keywords[i].word))
			return keywords[i].type;
	return TOKEN_NAME;
}

static error *take_name(struct lexer *l, struct token *ret)
{
	TRY(take_word(l, TOKEN_NAME, 0, ret));
	ret->type = keyword_of(ret->text);
	return NULL;
}

/* Strings and characters end at the next quote that no backslash precedes, on the same line. */
static error *take_quoted(struct lexer *l, enum token_type type, char quote, struct token *ret)
{
	bytes rest = rest_of(l, 0);
	for (size_t i = 1; i < rest.size && rest.data[i] != '\n'; i++) {
		if (rest.data[i] == quote) {
			take(l, type, i + 1, ret);
			return NULL;
		}
		if (rest.data[i] == '\\' && i + 1 < rest.size && rest.data[i + 1] != '\n')
			i++;
	}
	return template_error(l->t, l->position,
			      "not closed: %c expected before the end of the line", quote);
}

static error *take_raw_string(struct lexer *l, struct token *ret)
{
	bytes rest = rest_of(l, 1);
	const uint8_t *end = rest.size ? memchr(rest.data, '`', rest.size) : NULL;
	if (!end)
		return template_error(l->t, l->position, "not closed: ` expected");
	take(l, TOKEN_RAW_STRING, (size_t)(end - rest.data) + 2, ret);
	return NULL;
}

/* Whatever looks like a part of a number; the parser judges it. */
static void take_number(struct lexer *l, struct token *ret)
{
	bytes rest = rest_of(l, 0);
	size_t length = rest.data[0] == '+' || rest.data[0] == '-' ? 1 : 0, more;
	do {
		more = word_length(bytes_slice(rest, length, SIZE_MAX));
		more += starts_with(bytes_slice(rest, length + more, SIZE_MAX), ".") ? 1 : 0;
		length += more;
	} while (more);
	take(l, TOKEN_NUMBER, length, ret);
}

static error *take_punctuation(struct lexer *l, char c, struct token *ret)
{
	static const char signs[] = "|=,(";
	static const enum token_type types[] = { TOKEN_PIPE, TOKEN_ASSIGN, TOKEN_COMMA,
						 TOKEN_LEFT_PARENTHESIS };
	const char *sign = strchr(signs, c);
	l->parentheses += c == '(';
	if (c == ')') {
		if (!l->parentheses)
			return template_error(l->t, l->position, "no ( belongs to this )");
		l->parentheses--;
	}
	if (c == ':' && !starts_with(rest_of(l, 1), "="))
		return template_error(l->t, l->position, ":= expected");
	if (c == ':')
		take(l, TOKEN_DECLARE, 2, ret);
	else if (c == ')')
		take(l, TOKEN_RIGHT_PARENTHESIS, 1, ret);
	else
		take(l, sign ? types[sign - signs] : TOKEN_OTHER, 1, ret);
	return NULL;
}

static bool is_digit(bytes text, size_t offset)
{
	return offset < text.size && text.data[offset] >= '0' && text.data[offset] <= '9';
}

static error *take_operand(struct lexer *l, struct token *ret)
{
	bytes rest = rest_of(l, 0);
	size_t size;
	uint32_t c = utf8_decode(rest, &size);
	switch (c) {
	case '"':
		return take_quoted(l, TOKEN_STRING, '"', ret);
	case '\'':
		return take_quoted(l, TOKEN_CHARACTER, '\'', ret);
	case '`':
		return take_raw_string(l, ret);
	case '$':
		return take_word(l, TOKEN_VARIABLE, 1, ret);
	case '.':
		if (is_digit(rest, 1))
			break;
		if (!at_terminator(bytes_slice(rest, 1, SIZE_MAX)))
			return take_word(l, TOKEN_FIELD, 1, ret);
		take(l, TOKEN_DOT, 1, ret);
		return NULL;
	}
	if (c == '.' || c == '+' || c == '-' || is_digit(rest, 0)) {
		take_number(l, ret);
		return NULL;
	}
	if (unicode_is_word(c))
		return take_name(l, ret);
	if (c > ' ' && c < 0x7f)
		return take_punctuation(l, (char)c, ret);
	return template_error(l->t, l->position, "the character U+%04X can't stand in an action",
			      (unsigned)c);
}

static error *next_in_action(struct lexer *l, struct token *ret)
{
	size_t before = l->position;
	while (space_at(l->t->text, l->position) && !at_trimming_close(rest_of(l, 0)))
		l->position++;
	ret->space_before = l->position > before;
	if (take_close(l, ret)) {
		l->in_action = false;
		if (l->parentheses)
			return template_error(l->t, ret->offset, ") expected before }}");
		return NULL;
	}
	if (l->position == l->t->text.size)
		return template_error(l->t, l->opened_at, "the action is not closed: }} expected");
	return take_operand(l, ret);
}

error *lexer_next(struct lexer *l, struct token *ret)
{
	*ret = (struct token){ 0 };
	return l->in_action ? next_in_action(l, ret) : next_in_text(l, ret);
}
