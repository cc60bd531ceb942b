/* A package's properties, for people and as a manifest has them. */
#pragma once
#include "cli/command.h"

struct package_properties {
	uint8_t unique_id[32], signer_id[32];
	uint16_t product_id, security_version;
	bool debug;
};
error *package_print(const struct options *options, const char *path,
		     const struct package_properties *p) MUST_USE;
