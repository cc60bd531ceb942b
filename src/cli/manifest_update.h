/* Updates of a manifest, which several users may have to agree to. */
#pragma once
#include "cli/coordinator.h"

struct update_words {
	const char *done;    /* when nobody's acknowledgement is missing any more */
	const char *pending; /* otherwise, before those who may give it are named */
	const char *failed;  /* "…, but its recovery data could not be written" */
};
/* Sends the command's manifest as its user, says what is missing still, delivers recovery data. */
error *manifest_update_send(const struct invocation *call, const char *endpoint,
			    const struct update_words *words) MUST_USE;
/* The names in an array of strings, separated by commas. `what` names the answer in messages. */
error *manifest_update_users(json_t *users, const char *what, char **ret) MUST_USE;
