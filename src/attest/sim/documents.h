/* The documents that Intel would sign for the simulated platform. */
#pragma once
#include "attest/sim/platform_files.h"
#include "marblerun/verify.h"

/* What the platform is: fixed numbers, so that the TCB info decides what they are worth. */
enum { SIM_COMPONENT_SVN = 5, SIM_PCE_SVN = 11, SIM_QE_SVN = 8, SIM_QE_PRODUCT = 1 };
extern const uint8_t sim_fmspc[6], sim_qe_signer[32];

struct sim_validity {
	int64_t now;
	unsigned days;
};
/* TCB info in which the platform has this status: its level carries the status and the advisories. For
 * all but UpToDate, a higher level is there that is UpToDate, as after a TCB recovery. */
error *sim_write_tcb_info(const char *folder, enum marblerun_tcb_status status,
			  const char *const *advisories, size_t advisory_count, EVP_PKEY *signer,
			  struct sim_validity validity) MUST_USE;
error *sim_write_qe_identity(const char *folder, EVP_PKEY *signer, struct sim_validity validity) MUST_USE;
