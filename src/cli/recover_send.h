/* One party's part of a recovery. */
#pragma once
#include "cli/coordinator.h"

/* Verifies the coordinator, uploads a share, plain or encrypted to its ephemeral key, with its
 * signature, and says what remains. */
error *recover_send(const struct invocation *call, const char *address, bytes share, bytes signature)
	MUST_USE;
