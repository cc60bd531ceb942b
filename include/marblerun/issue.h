/* Marblerun: be an attester. Issues evidence on whatever TEE this process runs in.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "marblerun/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The way to this process's TEE. Thread-safe. */
typedef struct marblerun_issuer marblerun_issuer;

/* Finds the TEE: the simulated platform when the environment variable MARBLERUN_SIM_PLATFORM names
 * its folder (only then), else what is there: Gramine, Occlum, configfs-tsm.
 * `program` is the file that a simulated platform measures (NULL: this very program); real TEEs
 * measure themselves. Returns 0; or 1 with a reason, also when there is no TEE. */
MARBLERUN_EXPORT int marblerun_issuer_open(const char *program, marblerun_issuer **ret,
					   char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT void marblerun_issuer_free(marblerun_issuer *issuer);
/* "simulated", "gramine", "occlum", "tdx", "sev-snp". */
MARBLERUN_EXPORT const char *marblerun_issuer_name(const marblerun_issuer *issuer);
/* The folder of the simulated platform, NULL on a real TEE. */
MARBLERUN_EXPORT const char *marblerun_issuer_sim_platform(const marblerun_issuer *issuer);
/* Evidence over 64 bytes of report data. *ret is freed with free(). */
MARBLERUN_EXPORT int marblerun_issue(marblerun_issuer *issuer, const uint8_t report_data[64],
				     uint8_t **ret, size_t *ret_size,
				     char reason[MARBLERUN_REASON_SIZE]);

#ifdef __cplusplus
}
#endif
