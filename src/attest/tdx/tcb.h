/* TDX TCB levels and the TDX module's identity: Intel, "SGX and TDX Provisioning Certification Service
 * API", version 4, "Get TDX TCB Info", and its steps of determining a TCB status. */
#pragma once
#include "attest/sgx/tcb.h"

/* The TDX module that the TD runs under must be the one that the TCB info describes: its signer and
 * attributes. A module of major version > 0 has an identity of its own in the TCB info. */
error *tdx_module_check(const struct tcb_info *tcb_info, const struct marblerun_tdx_claims *claims) MUST_USE;

/* What the documents say of the platform, the module and both together. */
struct tdx_outcome {
	struct tcb_outcome platform, module; /* module.date 0: it has no levels of its own */
	enum marblerun_tcb_status status;
};
/* Matches with the SVNs in `tee_tcb_svn`. ERROR_DENIED when no level is reached. */
error *tdx_match(const struct tcb_info *tcb_info, const struct pck *pck, const uint8_t tee_tcb_svn[16],
		 struct tdx_outcome *ret) MUST_USE;

/* Would a relaunch of the TD make it up to date? `launched` is the status with the SVNs at launch,
 * `running` the one with those of the platform as it runs now (TEE_TCB_SVN_2). */
enum marblerun_tcb_status tdx_relaunch(enum marblerun_tcb_status launched,
				       enum marblerun_tcb_status running);
