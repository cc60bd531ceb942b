/* TCB info and QE identity: Intel, "SGX and TDX Provisioning Certification Service API", version 4,
 * TcbInfo and EnclaveIdentity, and the algorithms of "TCB recovery" behind them. */
#pragma once
#include "attest/sgx/pck.h"
#include "attest/sgx/quote.h"
#include "attest/window.h"
#include "codec/json.h"
#include "marblerun/verify.h"

/* What a level says: the outcome of matching. */
struct tcb_outcome {
	enum marblerun_tcb_status status;
	int64_t date;
	const json_t *advisories; /* array of strings or NULL; borrowed from the document */
};

/* Is this the TCB info of that TEE ("SGX" or "TDX") and platform, and of a version that we know? */
error *tcb_info_check(const json_t *body, const char *tee, const struct pck *pck, int64_t at,
		      struct window *window) MUST_USE;
/* Parts of a level's "tcb". The 16 component SVNs of "sgxtcbcomponents" or "tdxtcbcomponents": an
 * array in version 3; version 2 has sixteen members instead (SGX only). */
error *tcb_components(const json_t *tcb, const char *array_name, uint8_t svn[16]) MUST_USE;
bool tcb_at_least(const uint8_t *have, const uint8_t *need, size_t count);
/* Does the platform reach the level's SGX components and PCESVN? */
error *tcb_reached_by(const json_t *tcb, const struct pck *pck, bool *ret) MUST_USE;
/* What a level says. */
error *tcb_outcome_read(const json_t *level, const char *document, struct tcb_outcome *ret) MUST_USE;
/* The first level of an identity that this ISVSVN reaches. */
error *isv_svn_match(const json_t *identity, const char *what, uint16_t isv_svn,
		     struct tcb_outcome *ret) MUST_USE;
/* The first level that the platform reaches in all components. ERROR_DENIED when none is: that is not
 * OutOfDate but no statement at all. */
error *tcb_info_match_sgx(const json_t *body, const struct pck *pck, struct tcb_outcome *ret) MUST_USE;

/* Is this the identity of that enclave ("QE" or "TD_QE"), and does the report fit it? */
error *qe_identity_check(const json_t *body, const char *id, const struct sgx_report *report, int64_t at,
			 struct window *window) MUST_USE;
error *qe_identity_match(const json_t *body, uint16_t isv_svn, struct tcb_outcome *ret) MUST_USE;

/* Intel's convergence of the platform's status with that of an enclave it relies on. */
enum marblerun_tcb_status tcb_converge(enum marblerun_tcb_status platform,
				       enum marblerun_tcb_status enclave);
/* Union of advisories, minimum of dates. ERROR_INVALID over the limits. */
error *verdict_add(struct marblerun_verdict *verdict, const struct tcb_outcome *outcome) MUST_USE;
