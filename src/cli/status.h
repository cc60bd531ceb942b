/* What state a coordinator is in. */
#pragma once
#include "cli/coordinator.h"

struct coordinator_status {
	json_int_t code;
	char *message;
};
error *coordinator_status_fetch(struct coordinator *c, struct coordinator_status *ret) MUST_USE;
void coordinator_status_free(struct coordinator_status *status);
DEFINE_CLEANUP_IN_PLACE(coordinator_status_free, struct coordinator_status)
