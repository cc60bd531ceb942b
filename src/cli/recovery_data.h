/* What a coordinator returns when recovery keys are set or changed. */
#pragma once
#include "cli/command.h"
#include "codec/json.h"

/* Writes the answer's recovery data, if there are any, to --recoverydata or standard output. What
 * can't be written is printed rather than lost: the coordinator has done its part (`done`). */
error *recovery_data_deliver(const struct invocation *call, json_t *answer, const char *done) MUST_USE;
