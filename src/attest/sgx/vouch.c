#include "attest/sgx/vouch.h"

#include "attest/digest.h"

/* The PCK chain is in the quote (type 5), or comes separately (types 1 to 3 name the platform only). */
static error *find_pck_chain(const struct quote_signature *s, const struct marblerun_collateral *from,
			     bytes *ret)
{
	if (s->certification_type == CERTIFICATION_PCK_CHAIN) {
		*ret = s->certification_data;
		return NULL;
	}
	if (s->certification_type < CERTIFICATION_PPID_CLEAR ||
	    s->certification_type > CERTIFICATION_PPID_ENCRYPTED_3072)
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
	const bytes bound[] = { s->attestation_key, s->qe_authentication_data };
	TRY(digest_concatenated(bound, ARRAY_SIZE(bound), expected));
	if (memcmp(expected, s->qe_report.report_data, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the quoting enclave did not vouch for the attestation key");
	return NULL;
}

static error *check_quoting_enclave(const struct vouched_body *body, const struct platform *p, int64_t at,
				    struct window *window)
{
	const struct quote_signature *s = body->signature;
	if (!ecdsa_verify(p->pck_key, s->qe_report.raw, s->qe_report_signature))
		return error_new(ERROR_DENIED, "the signature over the quoting enclave's report is wrong");
	TRY(check_key_binding(s));
	return qe_identity_check(p->qe_identity, body->quoting_enclave, &s->qe_report, at, window);
}

static error *signature_is_wrong(void)
{
	return error_new(ERROR_DENIED, "the signature over the quote is wrong");
}

static error *check_signature(const struct vouched_body *body, struct shared_platform *shared)
{
	EVP_PKEY *key = platform_attestation_key(shared, body->signature->attestation_key);
	bool good = key && ecdsa_verify(key, body->signed_part, body->signature->signature);
	EVP_PKEY_free(key);
	return good ? NULL : signature_is_wrong();
}

/* Where endorsements are lacking, a quote that contradicts itself is refused for that: no endorsement
 * could mend it. */
static error *lacking_endorsements(const struct vouched_body *body, error *lacking,
				   enum marblerun_step *step)
{
	EVP_PKEY *key = p256_public_key(body->signature->attestation_key);
	bool good = key && ecdsa_verify(key, body->signed_part, body->signature->signature);
	EVP_PKEY_free(key);
	if (good || *step != MARBLERUN_STEP_ENDORSEMENTS)
		return lacking;
	error_free(lacking);
	*step = MARBLERUN_STEP_SIGNATURE;
	return signature_is_wrong();
}

static error *find_platform(marblerun_verifier *verifier, const struct vouched_body *body,
			    const struct marblerun_collateral *collateral, int64_t at,
			    enum marblerun_step *step, struct shared_platform **ret)
{
	bytes pck_chain;
	*step = MARBLERUN_STEP_ENDORSEMENTS;
	TRY(find_pck_chain(body->signature, collateral, &pck_chain));
	return verifier_platform(verifier, pck_chain, collateral, body->tee, at, ret, step);
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

error *body_is_vouched(marblerun_verifier *verifier, const struct vouched_body *body,
		       const struct marblerun_collateral *collateral, int64_t at,
		       struct marblerun_verdict *verdict, struct shared_platform **ret)
{
	CLEANUP(platform_release) struct shared_platform *shared = NULL;
	error *e = find_platform(verifier, body, collateral, at, &verdict->step, &shared);
	if (e)
		return lacking_endorsements(body, e, &verdict->step);
	const struct platform *p = platform_of(shared);
	struct window window = p->window;
	fill_platform(p, verdict);
	verdict->step = MARBLERUN_STEP_QUOTING_ENCLAVE;
	TRY(check_quoting_enclave(body, p, at, &window));
	verdict->valid_from = window.from;
	verdict->valid_until = window.until;
	verdict->step = MARBLERUN_STEP_SIGNATURE;
	TRY(check_signature(body, shared));
	*ret = TAKE(shared);
	return NULL;
}
