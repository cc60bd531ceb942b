#include "attest/snp/verify.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "attest/snp/certificate_table.h"
#include "attest/verifier.h"

/* It has no magic: size, a small version, and the only signature algorithm there is. */
static bool recognises(bytes evidence)
{
	return evidence.size >= SNP_REPORT_SIZE && evidence.data[1] == 0 && evidence.data[2] == 0 &&
	       evidence.data[3] == 0 && evidence.data[0] > 0 && evidence.data[0] < 16 &&
	       evidence.data[0x34] == 1 && evidence.data[0x35] == 0;
}

static ECDSA_SIG *signature_of(const struct snp_report *report)
{
	BIGNUM *r = BN_bin2bn(report->signature_r, sizeof report->signature_r, NULL);
	BIGNUM *s = BN_bin2bn(report->signature_s, sizeof report->signature_s, NULL);
	ECDSA_SIG *signature = ECDSA_SIG_new();
	if (r && s && signature && ECDSA_SIG_set0(signature, r, s))
		return signature;
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(signature);
	return NULL;
}

/* ECDSA P-384 with SHA-384 over bytes 0 to 0x29F. */
static error *check_signature(const struct snp_report *report, const struct snp_leaf *leaf)
{
	unsigned char *der = NULL;
	ECDSA_SIG *signature = signature_of(report);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int size = signature ? i2d_ECDSA_SIG(signature, &der) : -1;
	EVP_PKEY *key = X509_get0_pubkey(leaf->certificate);
	bool good = context && size > 0 &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
		    EVP_DigestVerify(context, der, (size_t)size, report->signed_part.data,
				     report->signed_part.size) == 1;
	EVP_MD_CTX_free(context);
	ECDSA_SIG_free(signature);
	OPENSSL_free(der);
	ERR_clear_error();
	return good ? NULL : error_new(ERROR_DENIED, "the report's signature is wrong");
}

/* SIGNING_KEY must say what the certificate is. */
static error *check_signing_key(const struct snp_report *report, const struct snp_leaf *leaf)
{
	enum snp_signing_key expected = leaf->vlek ? SNP_SIGNED_BY_VLEK : SNP_SIGNED_BY_VCEK;
	if (report->signing_key != expected)
		return error_new(ERROR_DENIED, "the report says that key %d signed it, the certificate is a %s",
				 (int)report->signing_key, leaf->vlek ? "VLEK" : "VCEK");
	return NULL;
}

/* The chip that the certificate is for made the report. "If MaskChipId is set to 0, identifier unique to the chip …
 * Otherwise, set to 0h": nothing else in the report tells that. The signature by the chip's own key stands. */
static error *check_chip(const struct snp_report *report, const struct snp_leaf *leaf)
{
	static const uint8_t zero[64];
	const uint8_t *chip = report->claims.chip_id;
	bool masked = memcmp(chip, zero, sizeof zero) == 0;
	if (leaf->vlek || masked)
		return NULL;
	if (memcmp(chip, leaf->hwid, leaf->hwid_size) != 0 ||
	    memcmp(chip + leaf->hwid_size, zero, sizeof zero - leaf->hwid_size) != 0)
		return error_new(ERROR_DENIED, "the report's CHIP_ID is not the HWID of the VCEK certificate");
	return NULL;
}

/* Version 3 and later name the processor: family 19h models 0h–Fh Milan, 10h–1Fh and A0h–AFh Genoa;
 * family 1Ah models 0h–1Fh Turin. */
static error *check_processor(const struct snp_report *report, const struct snp_product *product)
{
	uint8_t family = report->family, model = report->model;
	const char *name = family == 0x19 && model < 0x10 ? "Milan" :
			   family == 0x19 && (model < 0x20 || model >> 4 == 0xa) ? "Genoa" :
			   family == 0x1a && model < 0x20 ? "Turin" : "unknown";
	if (report->claims.version >= 3 && strcmp(name, product->name) != 0)
		return error_new(ERROR_DENIED, "the report is from a processor of family %02Xh, model %02Xh "
				 "(%s), its certificates are for %s", family, model, name, product->name);
	return NULL;
}

static bool tcb_equal(const struct marblerun_snp_tcb *a, const struct marblerun_snp_tcb *b)
{
	return a->fmc == b->fmc && a->boot_loader == b->boot_loader && a->tee == b->tee &&
	       a->snp == b->snp && a->microcode == b->microcode;
}

static bool tcb_at_most(const struct marblerun_snp_tcb *a, const struct marblerun_snp_tcb *b)
{
	return a->fmc <= b->fmc && a->boot_loader <= b->boot_loader && a->tee <= b->tee &&
	       a->snp <= b->snp && a->microcode <= b->microcode;
}

/* The certificate's key exists for exactly the reported TCB; the platform may have moved on, but a
 * reported TCB above what is committed, or that above the current one, is none that firmware gives. */
static error *check_tcb(const struct snp_report *report, const struct snp_leaf *leaf)
{
	const struct marblerun_snp_claims *c = &report->claims;
	if (!tcb_equal(&c->reported_tcb, &leaf->tcb))
		return error_new(ERROR_DENIED, "the reported TCB is not that of the certificate");
	if (!tcb_at_most(&c->reported_tcb, &c->committed_tcb) ||
	    !tcb_at_most(&c->committed_tcb, &c->current_tcb))
		return error_new(ERROR_DENIED, "reported, committed and current TCB are not in ascending "
				 "order");
	return NULL;
}

static void fill_claims(const struct snp_report *report, const struct snp_chain *chain,
			struct marblerun_verdict *verdict)
{
	struct marblerun_claims *claims = &verdict->claims;
	claims->snp = report->claims;
	claims->snp.vlek = chain->leaf.vlek;
	snprintf(claims->snp.product, sizeof claims->snp.product, "%s", chain->product->name);
	verdict->valid_from = chain->valid_from;
	verdict->valid_until = chain->valid_until;
}

error *snp_report_verify(struct snp_report *report, const struct snp_chain *chain, struct marblerun_verdict *verdict)
{
	snp_report_read_tcbs(report, chain->product->turin_layout);
	fill_claims(report, chain, verdict);
	verdict->step = MARBLERUN_STEP_CERTIFICATES;
	TRY(check_signing_key(report, &chain->leaf));
	verdict->step = MARBLERUN_STEP_SIGNATURE;
	TRY(check_signature(report, &chain->leaf));
	verdict->step = MARBLERUN_STEP_CERTIFICATES;
	TRY(check_chip(report, &chain->leaf));
	TRY(check_processor(report, chain->product));
	verdict->step = MARBLERUN_STEP_TCB_LEVEL;
	TRY(check_tcb(report, &chain->leaf));
	verdict->step = MARBLERUN_STEP_NONE;
	bool newest = tcb_equal(&report->claims.reported_tcb, &report->claims.current_tcb);
	verdict->tcb_status = newest ? MARBLERUN_TCB_UP_TO_DATE : MARBLERUN_TCB_OUT_OF_DATE;
	return NULL;
}

static void put_missing(struct marblerun_bytes *place, bytes certificate)
{
	if (!place->size)
		*place = (struct marblerun_bytes){ certificate.data, certificate.size };
}

/* Certificates behind the report take the places that are empty in `to`: whose they are shows in
 * verification. Bytes that begin otherwise are padding. */
static error *read_carried(bytes behind, const struct snp_report *report, struct marblerun_collateral *to,
			   size_t *ret_padding)
{
	struct snp_certificate_table table = { 0 };
	if (snp_certificate_table_begins(behind))
		TRY(snp_certificate_table_read(behind, &table));
	put_missing(&to->vcek, report->signing_key == SNP_SIGNED_BY_VLEK ? table.vlek : table.vcek);
	put_missing(&to->ask, table.ask);
	put_missing(&to->ark, table.ark);
	*ret_padding = behind.size - table.size;
	return NULL;
}

static error *verify(marblerun_verifier *verifier, bytes evidence,
		     const struct marblerun_collateral *collateral, int64_t at, struct marblerun_verdict *verdict)
{
	struct snp_report report;
	struct marblerun_collateral all = *collateral;
	bytes behind = bytes_slice(evidence, SNP_REPORT_SIZE, SIZE_MAX);
	CLEANUP(chain_release) struct shared_chain *shared = NULL;
	verdict->claims.tee = MARBLERUN_TEE_SNP;
	verdict->step = MARBLERUN_STEP_FORMAT;
	TRY(snp_report_parse(bytes_slice(evidence, 0, SNP_REPORT_SIZE), &report));
	TRY(read_carried(behind, &report, &all, &verdict->claims.padding));
	verdict->claims.snp = report.claims;
	verdict->claims.debug = report.claims.policy & SNP_POLICY_DEBUG;
	memcpy(verdict->claims.report_data, report.report_data, sizeof report.report_data);
	TRY(verifier_chain(verifier, &all, at, &shared, &verdict->step));
	return snp_report_verify(&report, chain_of(shared), verdict);
}

const struct evidence_format snp_format = { recognises, verify };
