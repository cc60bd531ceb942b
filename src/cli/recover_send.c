#include "cli/recover_send.h"

#include "cli/output.h"
#include "codec/base64.h"

static const char endpoint[] = "/api/v2/recover";

static error *make_body(bytes share, bytes signature, json_t **ret)
{
	CLEANUP(writer_free) struct writer secret = { .secret = true };
	CLEANUP(writer_free) struct writer proof = { 0 };
	write_base64(&secret, share);
	write_base64(&proof, signature);
	TRY(writer_check(&secret, "recovery secret"));
	TRY(writer_check(&proof, "signature"));
	*ret = json_pack("{s:s%, s:s%}", "recoverySecret", (const char *)secret.data, secret.size,
			 "recoverySecretSignature", (const char *)proof.data, proof.size);
	TRY_ALLOC(*ret);
	return NULL;
}

error *recover_send(const struct invocation *call, const char *address, bytes share, bytes signature)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *body = NULL;
	CLEANUP_JSON json_t *answer = NULL;
	TRY(make_body(share, signature, &body));
	/* In recovery mode it has another certificate than the one that is kept. */
	TRY(coordinator_verify(call, address, &c));
	TRY(coordinator_request(&c, endpoint, body, &answer));
	json_t *remaining = json_member(answer, "remaining");
	if (!json_is_integer(remaining))
		return error_new(ERROR_INVALID, "%s: the answer has no integer \"remaining\"", endpoint);
	json_int_t count = json_integer_value(remaining);
	if (count <= 0)
		say_note("The coordinator is recovered.");
	else
		say_note("The recovery secret is accepted. %lld more %s needed, by other recovery keys.",
			 (long long)count, count == 1 ? "is" : "are");
	return NULL;
}
