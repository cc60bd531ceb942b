#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error {
	enum error_code code;
	char *message;
};

static char no_memory_text[] = "out of memory";
static error no_memory = { ERROR_NO_MEMORY, no_memory_text };

/* Takes the message; gives up on the text, not on the failure, without memory. */
static error *error_with(enum error_code code, char *message)
{
	error *e = message ? malloc(sizeof *e) : NULL;
	if (!e) {
		free(message);
		return &no_memory;
	}
	*e = (error){ code, message };
	return e;
}

static PRINTF_LIKE(1, 0) char *format_message(const char *format, va_list arguments)
{
	char *text = NULL;
	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

/* "first: second"; frees first. */
static char *join(char *first, const char *second)
{
	char *both = NULL;
	if (first && asprintf(&both, "%s: %s", first, second) < 0)
		both = NULL;
	free(first);
	return both;
}

error *error_new(enum error_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *message = format_message(format, arguments);
	va_end(arguments);
	return error_with(code, message);
}

error *error_no_memory(void)
{
	return &no_memory;
}

error *error_errno(enum error_code code, int number, const char *format, ...)
{
	char text[128];
	va_list arguments;
	va_start(arguments, format);
	char *message = format_message(format, arguments);
	va_end(arguments);
	return error_with(code, join(message, strerror_r(number, text, sizeof text)));
}

error *error_wrap(error *cause, const char *format, ...)
{
	if (!cause || cause == &no_memory)
		return cause;
	va_list arguments;
	va_start(arguments, format);
	char *message = join(format_message(format, arguments), cause->message);
	va_end(arguments);
	if (message) {
		free(cause->message);
		cause->message = message;
	}
	return cause;
}

error *error_recode(error *cause, enum error_code code)
{
	if (cause && cause != &no_memory)
		cause->code = code;
	return cause;
}

enum error_code error_code(const error *e)
{
	return e->code;
}

const char *error_message(const error *e)
{
	return e->message;
}

const char *error_code_name(enum error_code code)
{
	static const char *const names[] = {
		[ERROR_INVALID] = "invalid",
		[ERROR_UNAUTHENTICATED] = "unauthenticated",
		[ERROR_DENIED] = "denied",
		[ERROR_NOT_FOUND] = "not found",
		[ERROR_CONFLICT] = "conflict",
		[ERROR_WRONG_STATE] = "wrong state",
		[ERROR_TOO_LARGE] = "too large",
		[ERROR_UNSUPPORTED] = "unsupported",
		[ERROR_UNAVAILABLE] = "unavailable",
		[ERROR_NO_MEMORY] = "no memory",
		[ERROR_INTERNAL] = "internal",
	};
	size_t index = (size_t)code;
	return index < ARRAY_SIZE(names) && names[index] ? names[index] : "unknown";
}

void error_free(error *e)
{
	if (!e || e == &no_memory)
		return;
	free(e->message);
	free(e);
}
