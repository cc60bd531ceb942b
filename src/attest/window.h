/* The time in which endorsements are valid, narrowed by one document after the other. */
#pragma once
#include <openssl/asn1.h>

#include "base/error.h"

struct window {
	int64_t from, until; /* seconds since 1970, both inclusive */
};
#define WINDOW_UNLIMITED ((struct window){ INT64_MIN, INT64_MAX })

/* Seconds of an X.509 time; ERROR_INVALID naming `what`. */
error *time_of_asn1(const ASN1_TIME *time, const char *what, int64_t *ret) MUST_USE;
/* Seconds of "2025-01-31T12:00:00Z". */
error *time_of_text(const char *text, const char *what, int64_t *ret) MUST_USE;
/* Narrows; ERROR_DENIED naming `what` when `at` lies outside of from … until. */
error *window_narrow(struct window *w, int64_t from, int64_t until, int64_t at, const char *what) MUST_USE;
