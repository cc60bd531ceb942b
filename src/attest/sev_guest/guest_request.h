/* Requests of a SEV-SNP guest to AMD's secure processor: AMD document 56860, "Guest Messages"; Linux's
 * /dev/sev-guest. */
#pragma once
#include "attest/kernel.h"
#include "attest/sealing.h"

/* The report over 64 bytes of report data, and behind it the certificates that the host has for it. */
error *snp_request_evidence(const struct kernel *kernel, const uint8_t report_data[64], struct blob *ret) MUST_USE;
/* As evidence is given on: a report, and the certificate table of the host as it came (maybe empty). */
error *snp_join_evidence(bytes report, bytes certificates, struct blob *ret) MUST_USE;

/* SEALING_UNIQUE: from a key of this chip (root: its VCEK, or the VLEK that was loaded) for this guest's policy,
 * launch measurement and privilege level. There is no SEALING_PRODUCT. */
error *snp_sealing_key(const struct kernel *kernel, uint32_t vmpl, enum sealing_kind kind,
		       struct secret *ret) MUST_USE;
