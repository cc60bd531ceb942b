/* Starts what shows the data plane's counters beside the program (src/telemetry). */
#pragma once
#include "marblerun/marble.h"
#include "ttls/policy.h"

struct observer {
	const char *address, *log; /* borrowed; "" for none */
};
/* EDG_MARBLE_METRICS_ADDR and EDG_MARBLE_ACCESS_LOG: what the manifest gives counts before this process's environment,
 * which is the host's and may name an address or standard error, but no file. */
error *observer_wanted(const struct marblerun_parameters *given, struct observer *ret) MUST_USE;
static inline bool observer_is_wanted(const struct observer *observer)
{
	return *observer->address || *observer->log;
}
/* Into the table in `file`: the policy's entries, and who this marble is. */
error *observer_describe(int file, const struct plane_policy *policy, const struct observer *observer) MUST_USE;
/* Starts `program` on the table in `file`, which all processes of the marble keep open: it ends with the last of them.
 * *ret_port: where it listens on; 0: nowhere. Its own failure to start is the error. */
error *observer_start(const struct observer *observer, const char *program, int file, unsigned *ret_port) MUST_USE;
