/* The verifier: its trusted roots, and the platforms that it has verified already. */
#pragma once
#include "attest/sgx/platform.h"
#include "attest/snp/endorsement.h"

/* A platform that several threads may use at once. */
struct shared_platform;
const struct platform *platform_of(const struct shared_platform *shared);
/* The public key of an attestation key (x ‖ y) of the platform: the last one used is kept, since a
 * platform has one at a time. NULL when it is no point of the curve. Give it back. */
EVP_PKEY *platform_attestation_key(struct shared_platform *shared, bytes point);
void platform_release(struct shared_platform *shared);
DEFINE_CLEANUP(platform_release, struct shared_platform *)

/* The verified platform for these documents, from the cache when they are the same to the bit and
 * still valid. *step is the step that failed. */
error *verifier_platform(marblerun_verifier *verifier, bytes pck_chain,
			 const struct marblerun_collateral *from, const char *tee, int64_t at,
			 struct shared_platform **ret, enum marblerun_step *step) MUST_USE;

/* The same for the certificates behind SEV-SNP reports. */
struct shared_chain;
const struct snp_chain *chain_of(const struct shared_chain *shared);
void chain_release(struct shared_chain *shared);
DEFINE_CLEANUP(chain_release, struct shared_chain *)
error *verifier_chain(marblerun_verifier *verifier, const struct marblerun_collateral *from, int64_t at,
		      struct shared_chain **ret, enum marblerun_step *step) MUST_USE;

/* A format of evidence. `verify` fills everything of the verdict but `genuine` and `reason`; the step
 * under way is verdict->step. */
struct evidence_format {
	bool (*recognises)(bytes evidence);
	error *(*verify)(marblerun_verifier *verifier, bytes evidence,
			 const struct marblerun_collateral *collateral, int64_t at,
			 struct marblerun_verdict *verdict);
};
extern const struct evidence_format sgx_format, tdx_format, snp_format;
