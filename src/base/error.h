/* An error is an object: a code for the outside, a message for the person. NULL is success.
 *
 * A message names what was wrong, where, and what was expected. It never holds a secret. */
#pragma once
#include "base/owned.h"

/* What the outside must do about it. Each API has one table from these to its own numbers. */
enum error_code {
	ERROR_INVALID = 1,     /* mend the input */
	ERROR_UNAUTHENTICATED, /* say who you are */
	ERROR_DENIED,          /* you may not, or your evidence does not satisfy */
	ERROR_NOT_FOUND,       /* there is no such thing */
	ERROR_CONFLICT,        /* somebody else was faster: read again, then retry */
	ERROR_WRONG_STATE,     /* not now: another step must come first */
	ERROR_TOO_LARGE,       /* over a limit that the message names */
	ERROR_UNSUPPORTED,     /* valid, but not something that this program does */
	ERROR_UNAVAILABLE,     /* try again later */
	ERROR_NO_MEMORY,
	ERROR_INTERNAL,        /* our fault */
};

typedef struct error error;

/* A new error. Never NULL: without memory it is a static ERROR_NO_MEMORY. */
error *error_new(enum error_code code, const char *format, ...) MUST_USE PRINTF_LIKE(2, 3);
/* The static error for a failed allocation. */
error *error_no_memory(void) MUST_USE;
/* Like error_new, ending in ": " and strerror(number). */
error *error_errno(enum error_code code, int number, const char *format, ...) MUST_USE
	PRINTF_LIKE(3, 4);
/* Puts "context: " before the message; consumes `cause`, which may be NULL (then NULL). */
error *error_wrap(error *cause, const char *format, ...) MUST_USE PRINTF_LIKE(2, 3);
/* The same error under another code; consumes `cause`, which may be NULL (then NULL). */
error *error_recode(error *cause, enum error_code code) MUST_USE;

enum error_code error_code(const error *e);
/* Valid as long as the error. */
const char *error_message(const error *e);
/* "invalid", "denied", …: for logs. */
const char *error_code_name(enum error_code code);
/* Accepts NULL. */
void error_free(error *e);
DEFINE_CLEANUP(error_free, error *)

/* Hand a failure on to the caller. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		error *error_ = (call);                                                            \
		if (error_)                                                                        \
			return error_;                                                             \
	} while (0)
/* Hand it on with context: TRY_CTX(store_commit(txn), "activating %s", type). */
#define TRY_CTX(call, ...)                                                                         \
	do {                                                                                       \
		error *error_ = (call);                                                            \
		if (error_)                                                                        \
			return error_wrap(error_, __VA_ARGS__);                                    \
	} while (0)
/* For a pointer just allocated. */
#define TRY_ALLOC(pointer)                                                                         \
	do {                                                                                       \
		if (!(pointer))                                                                    \
			return error_no_memory();                                                  \
	} while (0)
