/* What of a verification does not depend on the quote itself: the platform's certificates, TCB info and
 * QE identity. Verified once, then shared by all quotes of the platform while the documents stay. */
#pragma once
#include "attest/sgx/chain.h"
#include "attest/sgx/tcb.h"
#include "base/blob.h"

struct platform {
	struct pck pck;
	EVP_PKEY *pck_key;
	bool simulated;
	struct tcb_info tcb_info;
	json_t *qe_identity; /* its body */
	struct window window;
};
/* `tee` "SGX" or "TDX". Checks everything at time `at`. *step is the step that failed. */
error *platform_verify(bytes pck_chain, const struct marblerun_collateral *from, const char *tee,
		       const struct trusted_roots *roots, int64_t at, struct platform *ret,
		       enum marblerun_step *step) MUST_USE;
void platform_free(struct platform *platform);
DEFINE_CLEANUP_IN_PLACE(platform_free, struct platform)
