/* What the commands about simulated platforms share. */
#pragma once
#include "cli/sigstruct.h"
#include "codec/json.h"
#include "marblerun/verify.h"

error *simulated_properties(const char *platform, const char *program,
			    struct package_properties *ret) MUST_USE;
/* Adds UniqueID, SignerID, ProductID, SecurityVersion and Debug, as a manifest's package has them. */
error *sim_properties_to_json(const struct package_properties *p, json_t *to) MUST_USE;
/* A failure of libmarblerun with its reason. */
error *sim_error(int failed, const char *reason) MUST_USE;
