/* TDX quotes, versions 4 and 5: Intel, "TDX DCAP Quote Generation Library and Quote Verification
 * Library", appendix "Quote Format". */
#pragma once
#include "attest/sgx/quote.h"

enum { TEE_TYPE_TDX = 0x81 };
/* Version 5 names its body: "TD Quote Body Descriptor". */
enum { BODY_TD_1_0 = 2, BODY_TD_1_5 = 3 };
/* TDATTRIBUTES, bits 7 to 0, "TUD": any of them opens the TD to debugging. */
enum { TD_ATTRIBUTES_DEBUG = 0xff };
enum { TD_REPORT_1_0_SIZE = 584, TD_REPORT_1_5_SIZE = 648 };

struct tdx_quote {
	struct quote_header header;
	struct marblerun_tdx_claims claims;
	uint8_t report_data[64];
	bytes signed_part; /* header, body descriptor (version 5), body */
	struct quote_signature signature;
	size_t padding; /* bytes behind the declared length */
};
/* Allocates nothing: all views are into `raw`. */
error *tdx_quote_parse(bytes raw, struct tdx_quote *ret) MUST_USE;
