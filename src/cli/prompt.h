/* Asking for what must not be typed into a command line. */
#pragma once
#include "base/secret.h"

enum { PROMPT_MAX = 256 };
/* Asks on the terminal, without echo. ERROR_UNAUTHENTICATED when there is no terminal; `instead` then
 * says what else can be done. */
error *prompt_secret(const char *question, const char *instead, struct secret *ret) MUST_USE;
