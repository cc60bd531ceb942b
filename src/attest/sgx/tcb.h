/* TCB levels and the QE's identity: Intel, "SGX and TDX Provisioning Certification Service API", version 4,
 * EnclaveIdentity, and the algorithms of "TCB recovery" behind it. */
#pragma once
#include "attest/sgx/quote.h"
#include "attest/sgx/tcb_info.h"
#include "marblerun/verify.h"

bool tcb_at_least(const uint8_t *have, const uint8_t *need, size_t count);
/* Does the platform reach the level's SGX components and PCESVN? */
bool tcb_reached_by(const struct tcb_level *level, const struct pck *pck);
/* The first level of an identity that this ISVSVN reaches. */
error *isv_svn_match(const json_t *identity, const char *what, uint16_t isv_svn,
		     struct tcb_outcome *ret) MUST_USE;
/* The first level that the platform reaches in all components. ERROR_DENIED when none is: that is not
 * OutOfDate but no statement at all. */
error *tcb_info_match_sgx(const struct tcb_info *info, const struct pck *pck, struct tcb_outcome *ret) MUST_USE;

/* Is this the identity of that enclave ("QE" or "TD_QE"), and does the report fit it? */
error *qe_identity_check(const json_t *body, const char *id, const struct sgx_report *report, int64_t at,
			 struct window *window) MUST_USE;
error *qe_identity_match(const json_t *body, uint16_t isv_svn, struct tcb_outcome *ret) MUST_USE;

/* Intel's convergence of the platform's status with that of an enclave it relies on. */
enum marblerun_tcb_status tcb_converge(enum marblerun_tcb_status platform,
				       enum marblerun_tcb_status enclave);
/* Union of advisories, minimum of dates. ERROR_INVALID over the limits. */
error *verdict_add(struct marblerun_verdict *verdict, const struct tcb_outcome *outcome) MUST_USE;
