/* What OpenSSL left in its error queue, as an error of ours. */
#pragma once
#include "base/error.h"

/* The message, then ": " and OpenSSL's latest reason when there is one. Empties the queue, so that
 * the next failure does not report this one. */
error *openssl_error(enum error_code code, const char *format, ...) MUST_USE PRINTF_LIKE(2, 3);
