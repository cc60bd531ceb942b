/* Marblerun: simulated platforms. A folder with a root CA, a PCK chain, TCB info, QE identity, CRLs
 * and a signer, whose quotes are genuine ECDSA DCAP quotes under that root. It protects nothing;
 * it lets everything else be tried without hardware. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "marblerun/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a platform in `folder` (created 0700 when absent; refused when there is one already).
 * Its endorsements are valid from `now` (seconds since 1970) for `valid_days`. */
MARBLERUN_EXPORT int marblerun_sim_create(const char *folder, int64_t now, unsigned valid_days,
					  char reason[MARBLERUN_REASON_SIZE]);
/* Signs new TCB info, as if Intel had: the platform now has this status and these advisories. */
MARBLERUN_EXPORT int marblerun_sim_set_tcb(const char *folder, enum marblerun_tcb_status status,
					   const char *const *advisories, size_t advisory_count,
					   int64_t now, unsigned valid_days,
					   char reason[MARBLERUN_REASON_SIZE]);

/* What a program would be measured as on the platform. */
struct marblerun_sim_program {
	uint8_t unique_id[32];
	uint8_t signer_id[32];
	uint16_t product_id;
	uint16_t security_version;
	bool debug;
};
MARBLERUN_EXPORT int marblerun_sim_measure(const char *folder, const char *program,
					   struct marblerun_sim_program *ret,
					   char reason[MARBLERUN_REASON_SIZE]);
/* Signs a program: sets product id, security version and debug of its present content. Unsigned
 * programs have product 1, version 1, no debug. */
MARBLERUN_EXPORT int marblerun_sim_sign(const char *folder, const char *program,
					uint16_t product_id, uint16_t security_version, bool debug,
					char reason[MARBLERUN_REASON_SIZE]);

#ifdef __cplusplus
}
#endif
