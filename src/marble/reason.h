/* Our errors at the border of the library: a number and a text. */
#pragma once
#include <stdio.h>

#include "base/error.h"
#include "marblerun/verify.h"

/* Consumes the error, which may be NULL (then 0 is returned). */
static inline int reason_of_error(error *e, char reason[MARBLERUN_REASON_SIZE])
{
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}
