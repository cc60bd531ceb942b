/* Endorsements for evidence, wherever they come from. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "marblerun/verify.h"

struct endorsements {
	void *context;
	/* ERROR_UNAVAILABLE when there are none. May take as long as a service does to answer. *ret is valid until
	 * release(*ret_hold). */
	error *(*get)(void *context, bytes evidence, const struct marblerun_collateral **ret, void **ret_hold);
	void (*release)(void *context, void *hold);
};
