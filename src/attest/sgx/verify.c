/* Verification of SGX quotes. */
#include "attest/sgx/vouch.h"

static bool recognises(bytes evidence)
{
	bytes quote;
	size_t behind;
	error *e = open_enclave_strip(evidence, &quote, &behind);
	bool bad = e;
	error_free(e);
	/* Version 3 or 4, and the type of attestation key that follows it. Bad ones are refused by name. */
	return bad || (quote.size >= 8 && quote.data[1] == 0 && quote.data[0] >= 1 && quote.data[0] <= 16);
}

static error *find_level(const struct sgx_quote *q, const struct platform *p,
			 struct marblerun_verdict *verdict)
{
	struct tcb_outcome platform, enclave;
	TRY(tcb_info_match_sgx(&p->tcb_info, &p->pck, &platform));
	TRY(qe_identity_match(p->qe_identity, q->signature.qe_report.claims.isv_svn, &enclave));
	TRY(verdict_add(verdict, &platform));
	TRY(verdict_add(verdict, &enclave));
	verdict->tcb_status = tcb_converge(platform.status, enclave.status);
	if (verdict->tcb_status == MARBLERUN_TCB_REVOKED)
		return error_new(ERROR_DENIED, "the platform's TCB is revoked");
	return NULL;
}

static void fill_claims(const struct sgx_quote *q, struct marblerun_claims *claims)
{
	claims->tee = MARBLERUN_TEE_SGX;
	claims->sgx = q->report.claims;
	claims->debug = q->report.claims.flags & SGX_ATTRIBUTE_DEBUG;
	claims->padding = q->padding;
	memcpy(claims->report_data, q->report.report_data, sizeof claims->report_data);
}

static error *verify(marblerun_verifier *verifier, bytes evidence,
		     const struct marblerun_collateral *collateral, int64_t at,
		     struct marblerun_verdict *verdict)
{
	CLEANUP(platform_release) struct shared_platform *shared = NULL;
	struct sgx_quote q;
	bytes quote;
	size_t behind;
	TRY(open_enclave_strip(evidence, &quote, &behind));
	TRY(sgx_quote_parse(quote, &q));
	q.padding += behind;
	fill_claims(&q, &verdict->claims);
	struct vouched_body body = { q.signed_part, &q.signature, "SGX", "QE" };
	TRY(body_is_vouched(verifier, &body, collateral, at, verdict, &shared));
	verdict->step = MARBLERUN_STEP_TCB_LEVEL;
	return find_level(&q, platform_of(shared), verdict);
}

const struct evidence_format sgx_format = { recognises, verify };
