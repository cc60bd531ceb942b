/* What the coordinator must be: --era-config with what the flags change in it. */
#pragma once
#include "cli/flags.h"
#include "marblerun/verify.h"

static inline void policy_free(marblerun_policy *policy)
{
	marblerun_policy_free(policy);
}
DEFINE_CLEANUP(policy_free, marblerun_policy *)

/* The file that says so: --era-config, else ./coordinator-era.json when it exists, else NULL. */
const char *policy_file(const struct flag_values *flags);
/* ERROR_INVALID for anything in it that is not understood. */
error *policy_load(const char *path, const struct flag_values *flags, marblerun_policy **ret) MUST_USE;
