/* How the launcher hands the data plane over: files in memory that stay open across exec, named in one environment
 * variable by their descriptors: the policy, sealed against every change, the region that the processes share, and the
 * table in which they count. The launcher sets the variable itself; one that the host has set is thrown away. */
#pragma once
#include "ttls/policy.h"

#define HANDOVER_VARIABLE "MARBLERUN_TTLS"
enum { HANDOVER_POLICY, HANDOVER_REGION, HANDOVER_TELEMETRY, HANDOVER_FILES, HANDOVER_TEXT = 96 };
#define HANDOVER_NONE { -1, -1, -1 }

struct handover {
	int files[HANDOVER_FILES];    /* -1: none */
	char variable[HANDOVER_TEXT]; /* NAME=VALUE */
};
/* Makes the files; the table's (src/telemetry) only when it is wanted. ERROR_UNSUPPORTED where the system has no such
 * files. */
error *handover_make(const struct plane_policy *policy, bool telemetry, struct handover *ret) MUST_USE;
void handover_close(struct handover *handover);
DEFINE_CLEANUP_IN_PLACE(handover_close, struct handover)
/* NAME=VALUE for these files. */
void handover_name(const int files[HANDOVER_FILES], char ret[HANDOVER_TEXT]);
/* From the VALUE. */
bool handover_parse(const char *value, int ret[HANDOVER_FILES]);
