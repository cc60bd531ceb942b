/* The names that a marble asks for: what goes into the subjectAltName of its request. */
#pragma once
#include <openssl/x509v3.h>

#include "base/error.h"

static inline void general_names_free(GENERAL_NAMES *names)
{
	GENERAL_NAMES_free(names);
}
DEFINE_CLEANUP(general_names_free, GENERAL_NAMES *)

enum { NAMES_MAX = 100, NAME_SIZE_MAX = 253 };
/* DNS names and IP addresses, comma-separated; blanks around them are dropped. "localhost" stands for
 * its addresses 127.0.0.1 and ::1 as well. */
error *names_parse(const char *text, GENERAL_NAMES **ret) MUST_USE;
