/* The coordinator's states, and which request is allowed in which. */
#pragma once
#include "base/error.h"

/* Name, number (public contract), what the status says. Only forward moves. */
#define COORDINATOR_STATES(X)                                                                      \
	X(UNINITIALIZED, 0, "Coordinator is starting.")                                            \
	X(RECOVERY, 1,                                                                             \
	  "Coordinator is in recovery mode: its sealed state could not be opened. Upload the "     \
	  "recovery secrets, or set a new manifest, which discards the state for good.")           \
	X(ACCEPTING_MANIFEST, 2, "Coordinator is ready to accept a manifest.")                     \
	X(ACCEPTING_MARBLES, 3, "Coordinator is running correctly and ready to accept marbles.")

enum coordinator_state {
#define X(name, number, text) STATE_##name = number,
	COORDINATOR_STATES(X)
#undef X
};

enum coordinator_request {
	REQUEST_SET_MANIFEST,
	REQUEST_GET_MANIFEST,
	REQUEST_ACTIVATE,
	REQUEST_UPDATE,
	REQUEST_SECRETS,
	REQUEST_READ_LOG,
	REQUEST_COUNTER,
	REQUEST_SIGN_QUOTE,
	REQUEST_RECOVER,
};

/* What people read in the status. */
const char *state_text(enum coordinator_state state);
/* ERROR_WRONG_STATE naming the state and what must come first. */
error *state_require(enum coordinator_state state, enum coordinator_request request) MUST_USE;
