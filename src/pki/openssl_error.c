#include "pki/openssl_error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

error *openssl_error(enum error_code code, const char *format, ...)
{
	unsigned long latest = ERR_peek_last_error();
	const char *reason = latest ? ERR_reason_error_string(latest) : NULL;
	bool no_memory = ERR_GET_REASON(latest) == ERR_R_MALLOC_FAILURE;
	ERR_clear_error();
	if (no_memory)
		return error_no_memory();
	CLEANUP_FREE char *message = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (length < 0) {
		message = NULL;
		return error_no_memory();
	}
	return error_new(code, "%s%s%s", message, reason ? ": " : "", reason ? reason : "");
}
