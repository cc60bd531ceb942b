/* Packages, as they stand in a manifest and in an --era-config file. */
#pragma once
#include "manifest/decode.h"

decode_function decode_package;
/* "TDX", "SNP" and an entry of Infrastructures. */
decode_function decode_tdx, decode_snp, decode_infrastructure;
/* A list of Intel's status names, as a set. */
error *decode_status_set(json_t *value, const struct place *at, struct arena *arena, tcb_status_set *ret,
			 size_t *ret_count) MUST_USE;
/* The rules of one package: what must be given, and what must not be given together. */
error *package_check(const struct package *p, const struct place *at) MUST_USE;
