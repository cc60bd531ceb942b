/* The verdict on a SEV-SNP report by certificates that were verified. */
#pragma once
#include "attest/snp/endorsement.h"
#include "attest/snp/report.h"

/* The leaf signed the report, for the chip and with the TCB that it is for, and what the report says of itself fits.
 * Reads the report's TCB versions in the product's layout; fills claims, window and status of `verdict`, whose step is
 * the one under way. */
error *snp_report_verify(struct snp_report *report, const struct snp_chain *chain,
			 struct marblerun_verdict *verdict) MUST_USE;
