/* Verification of TDX quotes. */
#include "attest/sgx/vouch.h"
#include "attest/tdx/quote.h"
#include "attest/tdx/tcb.h"
#include "base/reader.h"

static bool recognises(bytes evidence)
{
	bytes quote = evidence;
	size_t behind;
	error_free(open_enclave_strip(evidence, &quote, &behind));
	struct reader r = reader_of(quote);
	struct quote_header h = read_quote_header(&r);
	return !r.failed && h.version <= 16 && h.tee_type == TEE_TYPE_TDX;
}

/* The platform as it runs now may be newer than the one that the TD was launched on. One of which the TCB info says
 * nothing is as bad now as it was at launch. */
static error *status_now(const struct tdx_quote *q, const struct platform *p,
			 const struct tcb_outcome *enclave, enum marblerun_tcb_status launched,
			 enum marblerun_tcb_status *ret)
{
	struct tdx_outcome running;
	*ret = launched;
	if (!q->claims.has_td15)
		return NULL;
	TRY_CTX(tdx_match(&p->tcb_info, &p->pck, q->claims.tee_tcb_svn_2, &running), "the platform as it runs now");
	*ret = tdx_relaunch(launched, tcb_converge(running.status, enclave->status));
	return NULL;
}

static error *find_level(const struct tdx_quote *q, const struct platform *p,
			 struct marblerun_verdict *verdict)
{
	struct tdx_outcome td;
	struct tcb_outcome enclave;
	TRY(tdx_match(&p->tcb_info, &p->pck, q->claims.tee_tcb_svn, &td));
	TRY(qe_identity_match(p->qe_identity, q->signature.qe_report.claims.isv_svn, &enclave));
	TRY(verdict_add(verdict, &td.platform));
	if (td.module.date)
		TRY(verdict_add(verdict, &td.module));
	TRY(verdict_add(verdict, &enclave));
	TRY(status_now(q, p, &enclave, tcb_converge(td.status, enclave.status), &verdict->tcb_status));
	if (verdict->tcb_status == MARBLERUN_TCB_REVOKED)
		return error_new(ERROR_DENIED, "the platform's TCB is revoked");
	return NULL;
}

static void fill_claims(const struct tdx_quote *q, struct marblerun_claims *claims)
{
	claims->tee = MARBLERUN_TEE_TDX;
	claims->tdx = q->claims;
	claims->debug = q->claims.td_attributes & TD_ATTRIBUTES_DEBUG;
	claims->padding = q->padding;
	memcpy(claims->report_data, q->report_data, sizeof claims->report_data);
}

static error *verify(marblerun_verifier *verifier, bytes evidence,
		     const struct marblerun_collateral *collateral, int64_t at,
		     struct marblerun_verdict *verdict)
{
	CLEANUP(platform_release) struct shared_platform *shared = NULL;
	struct tdx_quote q;
	bytes quote;
	size_t behind;
	TRY(open_enclave_strip(evidence, &quote, &behind));
	TRY(tdx_quote_parse(quote, &q));
	q.padding += behind;
	fill_claims(&q, &verdict->claims);
	struct vouched_body body = { q.signed_part, &q.signature, "TDX", "TD_QE" };
	TRY(body_is_vouched(verifier, &body, collateral, at, verdict, &shared));
	verdict->step = MARBLERUN_STEP_MODULE;
	TRY(tdx_module_check(&platform_of(shared)->tcb_info, &q.claims));
	verdict->step = MARBLERUN_STEP_TCB_LEVEL;
	return find_level(&q, platform_of(shared), verdict);
}

const struct evidence_format tdx_format = { recognises, verify };
