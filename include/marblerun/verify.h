/* Marblerun: be a relying party. Verifies attestation evidence of a TEE; no TEE, no network and no
 * clock are needed: evidence, endorsements and the time are parameters.
 *
 * Terms are those of RFC 9334. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MARBLERUN_EXPORT
#define MARBLERUN_EXPORT __attribute__((visibility("default")))
#endif

/* Bytes for a reason in words, with its NUL. Functions that return int give 0 on success and
 * otherwise a positive number and a reason. */
#define MARBLERUN_REASON_SIZE 512

/* A view of bytes that the caller owns. { NULL, 0 } is "not given". */
struct marblerun_bytes {
	const uint8_t *data;
	size_t size;
};

/* Of the library that is loaded, libmarblerun or libmarblerun-verify: "0.1.0". */
MARBLERUN_EXPORT const char *marblerun_version(void);

enum marblerun_tee {
	MARBLERUN_TEE_UNKNOWN = 0,
	MARBLERUN_TEE_SGX,
	MARBLERUN_TEE_TDX,
	MARBLERUN_TEE_SNP,
};

/* Intel's names (PCS API v4, "tcbStatus"). SEV-SNP knows UpToDate and OutOfDate only. */
enum marblerun_tcb_status {
	MARBLERUN_TCB_UNKNOWN = 0,
	MARBLERUN_TCB_UP_TO_DATE,
	MARBLERUN_TCB_SW_HARDENING_NEEDED,
	MARBLERUN_TCB_CONFIGURATION_NEEDED,
	MARBLERUN_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	MARBLERUN_TCB_OUT_OF_DATE,
	MARBLERUN_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	MARBLERUN_TCB_TD_RELAUNCH_ADVISED,
	MARBLERUN_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	MARBLERUN_TCB_REVOKED,
};
/* "UpToDate", …; "Unknown" for anything else. */
MARBLERUN_EXPORT const char *marblerun_tcb_status_name(enum marblerun_tcb_status status);
/* The status of that name, by exact spelling; MARBLERUN_TCB_UNKNOWN when there is none. */
MARBLERUN_EXPORT enum marblerun_tcb_status marblerun_tcb_status_of_name(const char *name);

/* Steps of verification, in order. A refusal names the first that failed. */
enum marblerun_step {
	MARBLERUN_STEP_NONE = 0,
	MARBLERUN_STEP_FORMAT,          /* the evidence itself can't be parsed or is not supported */
	MARBLERUN_STEP_ENDORSEMENTS,    /* a needed endorsement is missing or can't be parsed */
	MARBLERUN_STEP_ROOT,            /* the chain does not end in a trusted root */
	MARBLERUN_STEP_CERTIFICATES,    /* chain, dates or names of a certificate */
	MARBLERUN_STEP_REVOCATION,      /* a CRL is bad or lists a certificate */
	MARBLERUN_STEP_SIGNATURE,       /* the signature over the report */
	MARBLERUN_STEP_QUOTING_ENCLAVE, /* QE report: signature, binding of the attestation key, identity */
	MARBLERUN_STEP_TCB_INFO,        /* TCB info: signature, dates, platform */
	MARBLERUN_STEP_TCB_LEVEL,       /* no level matches, or the TCB is revoked */
	MARBLERUN_STEP_MODULE,          /* TDX module identity */
	MARBLERUN_STEP_POLICY,          /* genuine, but not what was asked for */
};
/* "format", "endorsements", …: for people and JSON. */
MARBLERUN_EXPORT const char *marblerun_step_name(enum marblerun_step step);

struct marblerun_sgx_claims {
	uint8_t mrenclave[32]; /* UniqueID */
	uint8_t mrsigner[32];  /* SignerID */
	uint16_t isv_prod_id;  /* ProductID */
	uint16_t isv_svn;      /* SecurityVersion */
	uint64_t flags, xfrm;  /* ATTRIBUTES, host order */
	uint32_t misc_select;
	uint8_t cpu_svn[16];
	uint8_t config_id[64];
	uint16_t config_svn;
	uint8_t isv_ext_prod_id[16];
	uint8_t isv_family_id[16];
};

struct marblerun_tdx_claims {
	uint8_t tee_tcb_svn[16];
	uint8_t tee_tcb_svn_2[16]; /* TD 1.5 (quote v5 body type 3), else zero */
	bool has_td15;
	uint8_t mrseam[48], mrsignerseam[48];
	uint64_t seam_attributes, td_attributes, xfam;
	uint8_t mrtd[48], mrconfigid[48], mrowner[48], mrownerconfig[48];
	uint8_t rtmr[4][48];
	uint8_t mrservicetd[48];
};

/* The parts of a TCB_VERSION; fmc is Turin's. */
struct marblerun_snp_tcb {
	uint8_t fmc, boot_loader, tee, snp, microcode;
};

struct marblerun_snp_claims {
	uint32_t version; /* of the report */
	uint32_t guest_svn, vmpl;
	uint64_t policy, platform_info;
	uint8_t family_id[16], image_id[16];
	uint8_t measurement[48], host_data[32];
	uint8_t id_key_digest[48], author_key_digest[48];
	uint8_t report_id[32], report_id_ma[32], chip_id[64];
	struct marblerun_snp_tcb current_tcb, reported_tcb, committed_tcb, launch_tcb;
	char product[16]; /* "Milan", "Genoa", "Turin" */
	bool vlek;        /* signed by a VLEK, not a VCEK */
};

/* What verified evidence says. */
struct marblerun_claims {
	enum marblerun_tee tee;
	bool simulated; /* signed under a simulated platform's root that the caller named */
	bool debug;     /* the TEE can be inspected from outside: no confidentiality */
	uint8_t report_data[64];
	size_t padding; /* bytes behind the declared length of the evidence */
	/* Intel platforms, from the PCK certificate */
	uint8_t fmspc[6], ppid[16];
	uint16_t pce_id;
	union {
		struct marblerun_sgx_claims sgx;
		struct marblerun_tdx_claims tdx;
		struct marblerun_snp_claims snp;
	};
};

#define MARBLERUN_ADVISORIES_MAX 64
#define MARBLERUN_ADVISORY_SIZE 24

struct marblerun_verdict {
	bool genuine;             /* all steps passed; says nothing about policy */
	enum marblerun_step step; /* when not: the step that failed, */
	char reason[MARBLERUN_REASON_SIZE]; /* and why */
	enum marblerun_tcb_status tcb_status;
	int64_t tcb_date;                  /* seconds since 1970; the oldest of the components' */
	int64_t valid_from, valid_until;   /* window in which all endorsements are valid */
	size_t advisory_count;
	char advisories[MARBLERUN_ADVISORIES_MAX][MARBLERUN_ADVISORY_SIZE];
	struct marblerun_claims claims; /* as far as parsed when not genuine */
};

/* Endorsements that belong to evidence. Intel documents are the exact bytes of PCS v4; chains are
 * PEM; CRLs are DER, PEM or hex. Evidence may carry its PCK chain itself. */
struct marblerun_collateral {
	struct marblerun_bytes tcb_info, tcb_info_issuer_chain;
	struct marblerun_bytes qe_identity, qe_identity_issuer_chain;
	struct marblerun_bytes pck_crl, pck_crl_issuer_chain, root_ca_crl;
	struct marblerun_bytes pck_chain; /* for quotes that do not carry it */
	struct marblerun_bytes vcek, ask, ark, crl; /* SEV-SNP; VLEK and ASVK take the same places */
};

/* A verifier: its trusted roots and a cache of what it has verified already. Thread-safe after
 * set-up. The built-in roots are Intel's SGX root CA and AMD's ARKs. */
typedef struct marblerun_verifier marblerun_verifier;
/* NULL without memory. */
MARBLERUN_EXPORT marblerun_verifier *marblerun_verifier_new(void);
MARBLERUN_EXPORT void marblerun_verifier_free(marblerun_verifier *verifier);
/* Trusts evidence of the simulated platform with this root certificate (PEM or DER), besides the
 * built-in roots. Call it only because a person named that file. */
MARBLERUN_EXPORT int marblerun_verifier_trust_simulated(marblerun_verifier *verifier,
							struct marblerun_bytes root,
							char reason[MARBLERUN_REASON_SIZE]);

/* Verifies evidence at time `at` (seconds since 1970): an SGX or TDX quote, bare or behind the Open
 * Enclave header, or a SEV-SNP report. A report may be followed by the table of its certificates (AMD
 * document 56421, section 4.1.8.1): they take the places that `collateral` leaves empty. 0 when genuine;
 * *ret is filled in either case. */
MARBLERUN_EXPORT int marblerun_verify(marblerun_verifier *verifier, struct marblerun_bytes evidence,
				      const struct marblerun_collateral *collateral, int64_t at,
				      struct marblerun_verdict *ret);

/* Every field of evidence as a JSON object, without verifying anything. *ret is freed with free().
 * 0; or 1 with a reason when it can't be parsed. */
MARBLERUN_EXPORT int marblerun_evidence_print(struct marblerun_bytes evidence, char **ret,
					      char reason[MARBLERUN_REASON_SIZE]);

/* What a relying party expects: a package of the manifest or an --era-config file, one JSON object
 * with UniqueID | SignerID, ProductID, SecurityVersion; Debug, AcceptedTCBStatuses,
 * AcceptedAdvisories. */
typedef struct marblerun_policy marblerun_policy;
MARBLERUN_EXPORT int marblerun_policy_parse(const char *json, size_t size, marblerun_policy **ret,
					    char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT void marblerun_policy_free(marblerun_policy *policy);
/* 0 when a genuine verdict satisfies the policy; else `reason` names the property. */
MARBLERUN_EXPORT int marblerun_policy_check(const marblerun_policy *policy,
					    const struct marblerun_verdict *verdict,
					    char reason[MARBLERUN_REASON_SIZE]);

/* Collateral that owns its documents. */
typedef struct marblerun_collateral_set marblerun_collateral_set;
/* Reads those files of a folder that are there (there may be none): tcb_info.json tcb_info_issuer_chain.pem
 * qe_identity.json qe_identity_issuer_chain.pem pck_crl.der pck_crl_issuer_chain.pem
 * root_ca_crl.der pck_chain.pem; vcek.der | vlek.der, ask.pem | asvk.pem, ark.pem, crl.der. */
MARBLERUN_EXPORT int marblerun_collateral_read(const char *folder, marblerun_collateral_set **ret,
					       char reason[MARBLERUN_REASON_SIZE]);
/* The same from a JSON object {file name: base64}; marblerun_collateral_print is its inverse
 * (free with free(); NULL without memory). */
MARBLERUN_EXPORT int marblerun_collateral_parse(const char *json, size_t size,
						marblerun_collateral_set **ret,
						char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT char *marblerun_collateral_print(const struct marblerun_collateral *collateral);
MARBLERUN_EXPORT const struct marblerun_collateral *
marblerun_collateral_of(const marblerun_collateral_set *set);
MARBLERUN_EXPORT void marblerun_collateral_free(marblerun_collateral_set *set);

#ifdef __cplusplus
}
#endif
