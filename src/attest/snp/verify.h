/* Verification of SEV-SNP reports. */
#pragma once
#include "base/bytes.h"
#include "marblerun/verify.h"

/* Does this look like a SEV-SNP report? (It has no magic: by size and version.) */
bool snp_recognises(bytes evidence);
/* Fills the verdict in: genuine, or the step that failed and why. */
void snp_verify(bytes evidence, const struct marblerun_collateral *collateral, int64_t at,
		struct marblerun_verdict *verdict);
