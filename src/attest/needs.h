/* Which endorsements a piece of evidence needs, by what it says of itself. Nothing is verified: a lie gets the
 * endorsements of somebody else, with which the evidence does not verify. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "marblerun/verify.h"

struct evidence_needs {
	enum marblerun_tee tee;
	/* SGX and TDX */
	uint8_t fmspc[6];
	bool platform_ca; /* else the processor CA issued the PCK certificate */
	/* SEV-SNP */
	const char *product; /* "Milan", "Genoa", "Turin" */
	bool product_is_guessed; /* a report of version 2 does not say: it may be Genoa, too */
	bool vlek;
	bool carries_leaf; /* its VCEK or VLEK comes with it, in a table behind the report */
	uint8_t chip_id[64];
	size_t chip_id_size;
	struct marblerun_snp_tcb tcb; /* reported */
};
error *evidence_needs(bytes evidence, struct evidence_needs *ret) MUST_USE;
