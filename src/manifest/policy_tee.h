/* Claims of one kind of TEE against what a package says of it. */
#pragma once
#include "manifest/model.h"

/* ERROR_DENIED naming the property. */
error *tdx_admits(const struct tdx_package *package, const struct marblerun_tdx_claims *claims) MUST_USE;
error *snp_admits(const struct snp_package *package, const struct marblerun_snp_claims *claims) MUST_USE;
/* A value against the one expected. */
error *expected_check(const char *property, const struct expected *expected, const uint8_t *actual, size_t size)
	MUST_USE;
error *snp_minimum_check(const char *property, const struct snp_minimum *minimum,
			 const struct marblerun_snp_tcb *actual) MUST_USE;
