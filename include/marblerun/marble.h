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
};
/* Options from the public environment variables (EDG_MARBLE_*), which stay owned by the
 * environment. */
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
/* Activates; retries with back-off while the coordinator is unreachable or not yet accepting.
 * Returns 0; 1 for a final refusal; 2 when time ran out. */
MARBLERUN_EXPORT int marblerun_activate(const struct marblerun_activation_options *options,
					struct marblerun_parameters **ret,
					char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT void marblerun_parameters_free(struct marblerun_parameters *parameters);

#ifdef __cplusplus
}
#endif
