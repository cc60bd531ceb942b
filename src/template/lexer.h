/* From text to tokens. */
#pragma once
#include "template/tree.h"

enum token_type {
	TOKEN_END_OF_TEXT,
	TOKEN_TEXT,
	TOKEN_OPEN,  /* {{ */
	TOKEN_CLOSE, /* }} */
	TOKEN_DOT,
	TOKEN_FIELD,    /* .name */
	TOKEN_VARIABLE, /* $ or $name */
	TOKEN_NAME,     /* of a function */
	TOKEN_NUMBER,
	TOKEN_CHARACTER,
	TOKEN_STRING,
	TOKEN_RAW_STRING,
	TOKEN_BOOLEAN,
	TOKEN_NIL,
	TOKEN_PIPE,
	TOKEN_LEFT_PARENTHESIS,
	TOKEN_RIGHT_PARENTHESIS,
	TOKEN_DECLARE, /* := */
	TOKEN_ASSIGN,  /* = */
	TOKEN_COMMA,
	TOKEN_OTHER, /* a printable character that means nothing */
	TOKEN_IF,
	TOKEN_WITH,
	TOKEN_RANGE,
	TOKEN_ELSE,
	TOKEN_END,
	TOKEN_BREAK,
	TOKEN_CONTINUE,
	TOKEN_UNSUPPORTED, /* define, template, block */
};

struct token {
	enum token_type type;
	size_t offset;
	bytes text;
	bool space_before;
};

struct lexer {
	const struct template *t; /* its text and name */
	size_t position;
	size_t opened_at; /* the last {{ */
	bool in_action;
	size_t parentheses; /* open ones */
};

error *lexer_next(struct lexer *l, struct token *ret) MUST_USE;
