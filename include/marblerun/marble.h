/* Marblerun: be a marble. Activates this process with the coordinator.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "marblerun/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

struct marblerun_activation_options {
	const char *coordinator_address; /* host:port */
	const char *type;                /* its entry in the manifest */
	const char *dns_names;           /* comma-separated names and IPs for the certificate */
	const char *uuid_file;           /* made with mode 0600 when absent */
	const char *program;             /* what a simulated platform measures; NULL: this program */
	const char *coordinator_policy;  /* file; NULL: the coordinator is not verified */
	const char *sim_root;            /* file; trust this simulated root for the coordinator */
	unsigned timeout_s;              /* for all tries together; 0: 300 */
	bool plain_simulation;           /* send no evidence: only a coordinator in the same mode takes it */
	/* Called with the reason before each wait for the next try; NULL: not called. */
	void (*waiting)(void *context, const char *reason);
	void *context;
};
/* Options from the public environment variables, which stay owned by the environment:
 * EDG_MARBLE_COORDINATOR_ADDR, EDG_MARBLE_TYPE, EDG_MARBLE_DNS_NAMES, EDG_MARBLE_UUID_FILE,
 * EDG_MARBLE_COORDINATOR_POLICY, EDG_MARBLE_COORDINATOR_SIM_ROOT, EDG_MARBLE_ACTIVATION_TIMEOUT
 * (seconds), OE_SIMULATION. Returns 0; 1 with a reason that names the variable. */
MARBLERUN_EXPORT int marblerun_activation_options_of_environment(
	struct marblerun_activation_options *ret, char reason[MARBLERUN_REASON_SIZE]);

struct marblerun_named_value {
	char *name;
	uint8_t *data; /* followed by a NUL that `size` does not count */
	size_t size;
};
/* What the coordinator provides. Secret: wiped when freed. */
struct marblerun_parameters {
	struct marblerun_named_value *files, *environment;
	size_t file_count, environment_count;
	char **arguments; /* NULL-terminated */
	size_t argument_count;
};
/* Activates with a fresh key; retries with back-off while the coordinator is unreachable or not yet
 * accepting. With a policy, the coordinator's evidence is verified on the very connection that the
 * activation then uses, before anything is said about this marble.
 * Returns 0; 1 for a final refusal; 2 when time ran out. `reason` says why. */
MARBLERUN_EXPORT int marblerun_activate(const struct marblerun_activation_options *options,
					struct marblerun_parameters **ret,
					char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT void marblerun_parameters_free(struct marblerun_parameters *parameters);

#ifdef __cplusplus
}
#endif
