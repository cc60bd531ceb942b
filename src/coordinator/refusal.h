/* Refused attempts of users are logged, within bounds. */
#pragma once
#include "coordinator/coordinator_internal.h"

/* Logs a refusal (ERROR_DENIED) of a user of the manifest; hands `refused` on, which may be NULL. */
error *refusal_noted(struct coordinator *c, bytes user_certificate, const char *what, int64_t now,
		     error *refused) MUST_USE;
