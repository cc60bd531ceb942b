/* What vouches for a quote's body, the same for SGX and TDX: the platform's PCK signs the quoting
 * enclave's report, which names the attestation key, which signs header and body. Intel, "SGX ECDSA
 * Quote Library API", appendix A.4. */
#pragma once
#include "attest/sgx/quote.h"
#include "attest/verifier.h"

struct vouched_body {
	bytes signed_part;            /* header and body */
	const struct quote_signature *signature;
	const char *tee;              /* "SGX" or "TDX": which TCB info */
	const char *quoting_enclave;  /* "QE" or "TD_QE": which identity */
};
/* Verifies all of it. Fills platform claims and window of `verdict`; verdict->step is the step under
 * way. *ret is the platform, for whoever looks for its TCB level next. */
error *body_is_vouched(marblerun_verifier *verifier, const struct vouched_body *body,
		       const struct marblerun_collateral *collateral, int64_t at,
		       struct marblerun_verdict *verdict, struct shared_platform **ret) MUST_USE;
