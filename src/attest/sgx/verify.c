/* Verification of SGX quotes. */
#include <openssl/sha.h>

#include "attest/verifier.h"

static bool recognises(bytes evidence)
{
	bytes quote;
	error *e = open_enclave_strip(evidence, &quote);
	bool bad = e;
	error_free(e);
	/* Version 3 or 4, and the type of attestation key that follows it. Bad ones are refused by name. */
	return bad || (quote.size >= 8 && quote.data[1] == 0 && quote.data[0] >= 1 && quote.data[0] <= 16);
}

/* The PCK chain is in the quote (type 5), or comes separately. */
static error *find_pck_chain(const struct quote_signature *s, const struct marblerun_collateral *from,
			     bytes *ret)
{
	if (s->certification_type == CERTIFICATION_PCK_CHAIN) {
		*ret = s->certification_data;
		return NULL;
	}
	if (s->certification_type != CERTIFICATION_PPID_ENCRYPTED_2048 &&
	    s->certification_type != CERTIFICATION_PPID_ENCRYPTED_3072)
		return error_new(ERROR_INVALID, "certification data type %u is not supported",
				 s->certification_type);
	if (!from->pck_chain.size)
		return error_new(ERROR_INVALID, "the quote carries no PCK chain (certification data type %u), "
				 "and none is given", s->certification_type);
	*ret = bytes_of(from->pck_chain.data, from->pck_chain.size);
	return NULL;
}

/* The QE's report data is SHA-256(attestation key ‖ authentication data), then zeros. */
static error *check_key_binding(const struct quote_signature *s)
{
	uint8_t expected[64] = { 0 };
	CLEANUP(writer_free) struct writer bound = { 0 };
	write_bytes(&bound, s->attestation_key);
	write_bytes(&bound, s->qe_authentication_data);
	TRY(writer_check(&bound, "attestation key"));
	SHA256(bound.data, bound.size, expected);
	if (memcmp(expected, s->qe_report.report_data, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the quoting enclave did not vouch for the attestation key");
	return NULL;
}

static error *check_quoting_enclave(const struct quote_signature *s, const struct platform *p, int64_t at,
				    struct window *window)
{
	if (!ecdsa_verify(p->pck_key, s->qe_report.raw, s->qe_report_signature))
		return error_new(ERROR_DENIED, "the signature over the quoting enclave's report is wrong");
	TRY(check_key_binding(s));
	return qe_identity_check(p->qe_identity.parsed, "QE", &s->qe_report, at, window);
}

static error *check_signature(const struct sgx_quote *q, struct shared_platform *shared)
{
	EVP_PKEY *key = platform_attestation_key(shared, q->signature.attestation_key);
	bool good = key && ecdsa_verify(key, q->signed_part, q->signature.signature);
	EVP_PKEY_free(key);
	return good ? NULL : error_new(ERROR_DENIED, "the signature over the quote is wrong");
}

static error *find_level(const struct sgx_quote *q, const struct platform *p,
			 struct marblerun_verdict *verdict)
{
	struct tcb_outcome platform, enclave;
	TRY(tcb_info_match_sgx(p->tcb_info.parsed, &p->pck, &platform));
	TRY(qe_identity_match(p->qe_identity.parsed, q->signature.qe_report.claims.isv_svn, &enclave));
	TRY(verdict_add(verdict, &platform));
	TRY(verdict_add(verdict, &enclave));
	verdict->tcb_status = tcb_converge(platform.status, enclave.status);
	if (verdict->tcb_status == MARBLERUN_TCB_REVOKED)
		return error_new(ERROR_DENIED, "the platform's TCB is revoked");
	return NULL;
}

enum { ATTRIBUTE_DEBUG = 2 };

static void fill_claims(const struct sgx_quote *q, struct marblerun_claims *claims)
{
	claims->tee = MARBLERUN_TEE_SGX;
	claims->sgx = q->report.claims;
	claims->debug = q->report.claims.flags & ATTRIBUTE_DEBUG;
	claims->padding = q->padding;
	memcpy(claims->report_data, q->report.report_data, sizeof claims->report_data);
}

static void fill_platform(const struct platform *p, struct marblerun_verdict *verdict)
{
	verdict->claims.simulated = p->simulated;
	memcpy(verdict->claims.fmspc, p->pck.fmspc, sizeof p->pck.fmspc);
	memcpy(verdict->claims.ppid, p->pck.ppid, sizeof p->pck.ppid);
	verdict->claims.pce_id = p->pck.pce_id;
	verdict->valid_from = p->window.from;
	verdict->valid_until = p->window.until;
}

static error *verify(marblerun_verifier *verifier, bytes evidence,
		     const struct marblerun_collateral *collateral, int64_t at,
		     struct marblerun_verdict *verdict)
{
	CLEANUP(platform_release) struct shared_platform *shared = NULL;
	struct sgx_quote q;
	bytes quote, pck_chain;
	TRY(open_enclave_strip(evidence, &quote));
	TRY(sgx_quote_parse(quote, &q));
	fill_claims(&q, &verdict->claims);
	verdict->step = MARBLERUN_STEP_ENDORSEMENTS;
	TRY(find_pck_chain(&q.signature, collateral, &pck_chain));
	TRY(verifier_platform(verifier, pck_chain, collateral, "SGX", at, &shared, &verdict->step));
	const struct platform *p = platform_of(shared);
	fill_platform(p, verdict);
	verdict->step = MARBLERUN_STEP_QUOTING_ENCLAVE;
	struct window window = p->window;
	TRY(check_quoting_enclave(&q.signature, p, at, &window));
	verdict->valid_from = window.from;
	verdict->valid_until = window.until;
	verdict->step = MARBLERUN_STEP_SIGNATURE;
	TRY(check_signature(&q, shared));
	verdict->step = MARBLERUN_STEP_TCB_LEVEL;
	return find_level(&q, p, verdict);
}

const struct evidence_format sgx_format = { recognises, verify };
