#include "attest/sgx/platform.h"

#include "attest/sgx/signed_json.h"

static bytes view_of(struct marblerun_bytes b)
{
	return bytes_of(b.data, b.size);
}

static error *check_pck_chain(bytes pem, const struct marblerun_collateral *from,
			      const struct trusted_roots *roots, int64_t at, struct platform *p,
			      enum marblerun_step *step)
{
	CLEANUP(intel_chain_free) struct intel_chain chain = { 0 };
	TRY(intel_chain_verify(pem, true, roots, at, &p->window, "PCK chain", &chain, step));
	TRY(pck_read(chain.leaf, &p->pck));
	*step = MARBLERUN_STEP_REVOCATION;
	TRY(crl_check(view_of(from->root_ca_crl), chain.root, chain.intermediate, at, &p->window,
		      "root CA CRL"));
	TRY(crl_check(view_of(from->pck_crl), chain.intermediate, chain.leaf, at, &p->window, "PCK CRL"));
	p->simulated = chain.simulated;
	p->pck_key = X509_get_pubkey(chain.leaf);
	TRY_ALLOC(p->pck_key);
	return NULL;
}

/* A signer of TCB info is issued by the root itself, is no CA, and is no platform. */
static error *check_signed(const struct signed_json *document, bytes chain_pem,
			   const struct marblerun_collateral *from, const struct trusted_roots *roots,
			   int64_t at, const char *what, struct platform *p, enum marblerun_step failing,
			   enum marblerun_step *step)
{
	CLEANUP(intel_chain_free) struct intel_chain chain = { 0 };
	struct pck none;
	enum marblerun_step inner;
	error *e = intel_chain_verify(chain_pem, false, roots, at, &p->window, what, &chain, &inner);
	*step = inner == MARBLERUN_STEP_ENDORSEMENTS ? inner : failing;
	TRY(e);
	if (chain.simulated != p->simulated)
		return error_new(ERROR_DENIED, "the %s ends in another root than the PCK chain", what);
	e = pck_read(chain.leaf, &none);
	bool is_platform = !e;
	error_free(e);
	if (is_platform)
		return error_new(ERROR_DENIED, "the %s belongs to a platform, not to a signer", what);
	*step = MARBLERUN_STEP_REVOCATION;
	TRY(crl_check(view_of(from->root_ca_crl), chain.root, chain.leaf, at, &p->window, "root CA CRL"));
	*step = failing;
	if (!ecdsa_verify(X509_get0_pubkey(chain.leaf), document->body,
			  BYTES_OF_ARRAY(document->signature)))
		return error_new(ERROR_DENIED, "the signature over the document of the %s is wrong", what);
	return NULL;
}

static error *check_tcb_info(bytes raw, const struct marblerun_collateral *from, const char *tee,
			     const struct trusted_roots *roots, int64_t at, struct platform *p,
			     enum marblerun_step *step)
{
	struct signed_json document;
	*step = MARBLERUN_STEP_TCB_INFO;
	TRY(signed_json_read(raw, "tcbInfo", "TCB info", &document));
	TRY(check_signed(&document, view_of(from->tcb_info_issuer_chain), from, roots, at,
			 "TCB info issuer chain", p, MARBLERUN_STEP_TCB_INFO, step));
	TRY(tcb_info_read(document.body, tee, &p->tcb_info));
	return tcb_info_check(&p->tcb_info, tee, &p->pck, at, &p->window);
}

static error *check_qe_identity(bytes raw, const struct marblerun_collateral *from,
				const struct trusted_roots *roots, int64_t at, struct platform *p,
				enum marblerun_step *step)
{
	struct signed_json document;
	*step = MARBLERUN_STEP_QUOTING_ENCLAVE;
	TRY(signed_json_read(raw, "enclaveIdentity", "QE identity", &document));
	TRY(check_signed(&document, view_of(from->qe_identity_issuer_chain), from, roots, at,
			 "QE identity issuer chain", p, MARBLERUN_STEP_QUOTING_ENCLAVE, step));
	return json_parse(document.body, "QE identity", &p->qe_identity);
}

static error *check_complete(const struct marblerun_collateral *from)
{
	const struct {
		const char *name;
		size_t size;
	} needed[] = {
		{ "TCB info", from->tcb_info.size },
		{ "TCB info issuer chain", from->tcb_info_issuer_chain.size },
		{ "QE identity", from->qe_identity.size },
		{ "QE identity issuer chain", from->qe_identity_issuer_chain.size },
		{ "PCK CRL", from->pck_crl.size },
		{ "root CA CRL", from->root_ca_crl.size },
	};
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!needed[i].size)
			return error_new(ERROR_INVALID, "the %s is missing", needed[i].name);
	return NULL;
}

error *platform_verify(bytes pck_chain, const struct marblerun_collateral *from, const char *tee,
		       const struct trusted_roots *roots, int64_t at, struct platform *ret,
		       enum marblerun_step *step)
{
	CLEANUP(platform_free) struct platform p = { .window = WINDOW_UNLIMITED };
	*step = MARBLERUN_STEP_ENDORSEMENTS;
	TRY(check_complete(from));
	TRY(check_pck_chain(pck_chain, from, roots, at, &p, step));
	TRY(check_qe_identity(view_of(from->qe_identity), from, roots, at, &p, step));
	TRY(check_tcb_info(view_of(from->tcb_info), from, tee, roots, at, &p, step));
	*step = MARBLERUN_STEP_NONE;
	*ret = p;
	p = (struct platform){ 0 };
	return NULL;
}

void platform_free(struct platform *platform)
{
	EVP_PKEY_free(platform->pck_key);
	tcb_info_free(&platform->tcb_info);
	json_decref(platform->qe_identity);
	*platform = (struct platform){ 0 };
}
