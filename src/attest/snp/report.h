/* AMD SEV-SNP attestation reports: AMD document 56860, "SEV Secure Nested Paging Firmware ABI
 * Specification", table "ATTESTATION_REPORT Structure". */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "marblerun/verify.h"

enum { SNP_REPORT_SIZE = 0x4a0, SNP_SIGNED_SIZE = 0x2a0 };

/* Table "SIGNING_KEY": who signed the report. */
enum snp_signing_key { SNP_SIGNED_BY_VCEK = 0, SNP_SIGNED_BY_VLEK = 1, SNP_SIGNED_BY_NONE = 7 };

/* GUEST_POLICY bit 19: the guest may be debugged. */
enum { SNP_POLICY_DEBUG = 1 << 19 };

struct snp_report {
	bytes signed_part;
	uint8_t signature_r[48], signature_s[48]; /* big-endian, as everybody but AMD has them */
	enum snp_signing_key signing_key;
	bool chip_key_masked, author_key_present;
	uint8_t family, model; /* CPUID, version 3 and later; else 0 */
	uint8_t report_data[64];
	struct marblerun_snp_claims claims; /* without product and vlek */
};

/* Allocates nothing. Refuses versions before 2 and signature algorithms other than ECDSA P-384 with
 * SHA-384. TCB parts are laid out by the product, which version 2 does not name: see
 * snp_report_read_tcbs. */
error *snp_report_parse(bytes raw, struct snp_report *ret) MUST_USE;
/* By the processor that it names; false for version 2, older than any Turin. */
bool snp_report_is_turin(const struct snp_report *report);
/* Reads the TCB versions, once the product is known: Turin has a layout of its own. */
void snp_report_read_tcbs(struct snp_report *report, bool turin);
