/* SGX ECDSA quotes, versions 3 and 4: Intel, "SGX ECDSA Quote Library API", appendix A.4. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "marblerun/verify.h"

enum { SGX_REPORT_SIZE = 384, QUOTE_HEADER_SIZE = 48 };
enum { SGX_ATTRIBUTE_DEBUG = 2 }; /* ATTRIBUTES.FLAGS */

struct sgx_report {
	bytes raw; /* what is signed */
	struct marblerun_sgx_claims claims;
	uint8_t report_data[64];
};

/* CERTIFICATION_DATA types, table "QE Certification Data". */
enum { CERTIFICATION_PPID_CLEAR = 1, CERTIFICATION_PPID_ENCRYPTED_2048 = 2, CERTIFICATION_PPID_ENCRYPTED_3072 = 3,
       CERTIFICATION_PCK_CHAIN = 5, CERTIFICATION_QE_REPORT = 6 };

/* The part of a quote that vouches for its body, the same for SGX and TDX. */
struct quote_signature {
	bytes signature;       /* r ‖ s over header and body */
	bytes attestation_key; /* x ‖ y */
	struct sgx_report qe_report;
	bytes qe_report_signature;
	bytes qe_authentication_data;
	uint16_t certification_type;
	bytes certification_data;
};

struct quote_header {
	uint16_t version, key_type;
	uint32_t tee_type; /* 0: SGX, 0x81: TDX */
	uint8_t qe_vendor_id[16];
};

struct sgx_quote {
	struct quote_header header;
	struct sgx_report report;
	bytes signed_part; /* header and body */
	struct quote_signature signature;
	size_t padding; /* bytes behind the declared length */
};

struct reader;
/* Takes the 16-byte Open Enclave header off, when it is there (u32 1, u32 2, u64 size). *ret_behind: bytes that follow
 * what it declares. */
error *open_enclave_strip(bytes evidence, bytes *ret, size_t *ret_behind) MUST_USE;
struct quote_header read_quote_header(struct reader *r);
struct sgx_report read_sgx_report(struct reader *r);
/* The signature section behind its u32 size; `version` 3, or 4 and later with their nesting. */
error *quote_signature_parse(bytes section, uint16_t version, struct quote_signature *ret) MUST_USE;
/* ERROR_INVALID when vendor, key type or version are none of those known. */
error *quote_header_check(const struct quote_header *header) MUST_USE;
/* Allocates nothing: all views are into `raw`. */
error *sgx_quote_parse(bytes raw, struct sgx_quote *ret) MUST_USE;
