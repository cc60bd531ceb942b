#include "coordinator/state.h"

#include <stdbool.h>

const char *state_text(enum coordinator_state state)
{
	static const char *const texts[] = {
#define X(name, number, text) [number] = text,
		COORDINATOR_STATES(X)
#undef X
	};
	return texts[state];
}

static const struct {
	const char *what;
	bool allowed[STATE_ACCEPTING_MARBLES + 1];
	const char *otherwise;
} rules[] = {
	[REQUEST_SET_MANIFEST] = { "setting a manifest",
				   { [STATE_RECOVERY] = true, [STATE_ACCEPTING_MANIFEST] = true },
				   "a manifest is set already; it can be changed by an update" },
	[REQUEST_GET_MANIFEST] = { "reading the manifest",
				   { [STATE_ACCEPTING_MARBLES] = true },
				   "no manifest is set yet" },
	[REQUEST_ACTIVATE] = { "activating a marble",
			       { [STATE_ACCEPTING_MARBLES] = true },
			       "cannot accept marbles in current state: no manifest is set yet, or "
			       "the coordinator waits for recovery" },
	[REQUEST_UPDATE] = { "updating the manifest",
			     { [STATE_ACCEPTING_MARBLES] = true }, "no manifest is set yet" },
	[REQUEST_SECRETS] = { "reading or writing secrets",
			      { [STATE_ACCEPTING_MARBLES] = true }, "no manifest is set yet" },
	[REQUEST_READ_LOG] = { "reading the log",
			       { [STATE_ACCEPTING_MARBLES] = true }, "no manifest is set yet" },
	[REQUEST_COUNTER] = { "using a monotonic counter",
			      { [STATE_ACCEPTING_MARBLES] = true }, "no manifest is set yet" },
	[REQUEST_SIGN_QUOTE] = { "signing a quote",
				 { [STATE_ACCEPTING_MARBLES] = true }, "no manifest is set yet" },
	[REQUEST_RECOVER] = { "recovery",
			      { [STATE_RECOVERY] = true }, "the coordinator does not wait for it" },
};

error *state_require(enum coordinator_state state, enum coordinator_request request)
{
	if (rules[request].allowed[state])
		return NULL;
	return error_new(ERROR_WRONG_STATE, "%s is not possible in state %d: %s",
			 rules[request].what, (int)state, rules[request].otherwise);
}
