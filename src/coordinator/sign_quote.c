/* The coordinator vouches for a quote that somebody else verified it with: feature SignQuoteEndpoint. */
#include "codec/base64.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/people.h"

static error *require_feature(const struct mesh *mesh, enum feature feature, const char *name)
{
	if (mesh->manifest->config.features & feature)
		return NULL;
	return error_new(ERROR_DENIED, "the feature %s is not enabled: the manifest's Config.FeatureGates does "
			 "not name it", name);
}

static error *verify(struct coordinator *c, bytes quote, int64_t now, struct marblerun_verdict *ret)
{
	const struct endorsements *from = &c->options.endorsements;
	const struct marblerun_collateral *collateral;
	void *hold;
	TRY(from->get(from->context, quote, &collateral, &hold));
	int refused = marblerun_verify(c->options.verifier, public_bytes(quote), collateral, now, ret);
	from->release(from->context, hold);
	if (refused)
		return error_new(ERROR_INVALID, "quote verification failed: %s: %s", marblerun_step_name(ret->step),
				 ret->reason);
	return NULL;
}

error *coordinator_sign_quote(struct coordinator *c, bytes quote, int64_t now, struct blob *ret_signature,
			      enum marblerun_tcb_status *ret_status)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(c);
	CLEANUP(writer_free) struct writer signed_text = { 0 };
	struct marblerun_verdict verdict;
	TRY(state_require(mesh->state, REQUEST_SIGN_QUOTE));
	TRY(require_feature(mesh, FEATURE_SIGN_QUOTE_ENDPOINT, "SignQuoteEndpoint"));
	TRY(verify(c, quote, now, &verdict));
	write_base64(&signed_text, quote);
	write_string(&signed_text, marblerun_tcb_status_name(verdict.tcb_status));
	TRY(writer_check(&signed_text, "quote"));
	TRY(key_sign(mesh->ca.root_key, writer_view(&signed_text), ret_signature));
	*ret_status = verdict.tcb_status;
	return NULL;
}
