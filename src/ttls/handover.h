/* How the launcher hands the data plane over: two files in memory that stay open across exec, named in one
 * environment variable by their descriptors: the policy, sealed against every change, and the region that
 * the processes share. The launcher sets the variable itself; one that the host has set is thrown away. */
#pragma once
#include "ttls/policy.h"

#define HANDOVER_VARIABLE "MARBLERUN_TTLS"

struct handover {
	int policy_file, region_file; /* -1: none */
	char variable[64];            /* NAME=VALUE */
};
/* Makes the files. ERROR_UNSUPPORTED where the system has no such files. */
error *handover_make(const struct plane_policy *policy, struct handover *ret) MUST_USE;
void handover_close(struct handover *handover);
DEFINE_CLEANUP_IN_PLACE(handover_close, struct handover)
