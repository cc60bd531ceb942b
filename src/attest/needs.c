#include "attest/needs.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "attest/sgx/pck.h"
#include "attest/snp/certificate_table.h"
#include "attest/snp/endorsement.h"
#include "attest/snp/report.h"
#include "attest/tdx/quote.h"
#include "attest/verifier.h"

static error *read_pck(bytes pem, struct evidence_needs *needs)
{
	BIO *text = pem.size && pem.size < 1 << 16 ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	X509 *certificate;
	bool found = false;
	while (text && !found && (certificate = PEM_read_bio_X509(text, NULL, NULL, NULL))) {
		struct pck pck;
		char issuer[64] = "";
		error *e = pck_read(certificate, &pck);
		X509_NAME_get_text_by_NID(X509_get_issuer_name(certificate), NID_commonName, issuer, sizeof issuer);
		found = !e;
		error_free(e);
		if (found) {
			memcpy(needs->fmspc, pck.fmspc, sizeof needs->fmspc);
			needs->platform_ca = strcmp(issuer, "Intel SGX PCK Platform CA") == 0 ||
					     strstr(issuer, "Platform") != NULL;
		}
		X509_free(certificate);
	}
	BIO_free(text);
	ERR_clear_error();
	return found ? NULL : error_new(ERROR_INVALID, "the quote carries no PCK certificate");
}

static error *needs_of_signature(const struct quote_signature *s, struct evidence_needs *needs)
{
	if (s->certification_type != CERTIFICATION_PCK_CHAIN)
		return error_new(ERROR_UNSUPPORTED, "the quote carries no PCK chain (certification data type %u)",
				 s->certification_type);
	return read_pck(s->certification_data, needs);
}

/* Version 2 does not say; most chips of that time are Milan's. */
static const char *product_of(const struct snp_report *report)
{
	if (report->family == 0x1a)
		return "Turin";
	return report->family == 0x19 && report->model >= 0x10 ? "Genoa" : "Milan";
}

static error *find_leaf(bytes behind, struct evidence_needs *needs)
{
	struct snp_certificate_table table = { 0 };
	if (snp_certificate_table_begins(behind))
		TRY(snp_certificate_table_read(behind, &table));
	bytes leaf = needs->vlek ? table.vlek : table.vcek;
	needs->carries_leaf = leaf.size != 0;
	if (!needs->carries_leaf || !needs->product_is_guessed)
		return NULL;
	needs->product_is_guessed = false;
	return snp_leaf_product(leaf, &needs->product);
}

static error *needs_of_report(bytes evidence, struct evidence_needs *needs)
{
	struct snp_report report;
	TRY(snp_report_parse(bytes_slice(evidence, 0, SNP_REPORT_SIZE), &report));
	snp_report_read_tcbs(&report, snp_report_is_turin(&report));
	needs->tee = MARBLERUN_TEE_SNP;
	needs->product = product_of(&report);
	needs->product_is_guessed = report.claims.version < 3;
	needs->vlek = report.signing_key == SNP_SIGNED_BY_VLEK;
	needs->tcb = report.claims.reported_tcb;
	needs->chip_id_size = snp_report_is_turin(&report) ? 8 : 64;
	memcpy(needs->chip_id, report.claims.chip_id, sizeof needs->chip_id);
	return find_leaf(bytes_slice(evidence, SNP_REPORT_SIZE, SIZE_MAX), needs);
}

error *evidence_needs(bytes evidence, struct evidence_needs *ret)
{
	struct evidence_needs needs = { 0 };
	bytes quote;
	size_t behind;
	if (snp_format.recognises(evidence)) {
		TRY(needs_of_report(evidence, &needs));
	} else {
		TRY(open_enclave_strip(evidence, &quote, &behind));
		struct sgx_quote sgx;
		struct tdx_quote tdx;
		bool is_tdx = tdx_format.recognises(evidence);
		TRY(is_tdx ? tdx_quote_parse(quote, &tdx) : sgx_quote_parse(quote, &sgx));
		needs.tee = is_tdx ? MARBLERUN_TEE_TDX : MARBLERUN_TEE_SGX;
		TRY(needs_of_signature(is_tdx ? &tdx.signature : &sgx.signature, &needs));
	}
	*ret = needs;
	return NULL;
}
