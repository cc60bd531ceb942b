/* What the flags demand of the coordinator. */
#pragma once
#include "cli/command.h"
#include "marblerun/verify.h"

bool policy_is_given(const struct options *options);
/* From --era-config or ./coordinator-era.json, with --accepted-… in their places. */
error *policy_of_options(const struct options *options, marblerun_policy **ret) MUST_USE;
