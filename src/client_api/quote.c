#include "client_api/job.h"
#include "codec/base64.h"

/* Only version 2 has a nonce and endorsements. */
static void answer(struct http_exchange *x, const struct statement *s, bool v2)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	write_string(&data, "{");
	write_string_member(&data, v2 ? "cert" : "Cert", bytes_of_string(s->mesh->chain_pem));
	write_base64_member(&data, v2 ? "quote" : "Quote", blob_view(&s->evidence));
	if (v2 && s->collateral.size) {
		write_name(&data, "collateral");
		write_bytes(&data, blob_view(&s->collateral));
	}
	if (v2 && s->state.size)
		write_base64_member(&data, "state", blob_view(&s->state));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

static error *read_nonce(struct http_exchange *x, struct blob *ret)
{
	bytes text;
	bool found;
	TRY(http_query(x, "nonce", 0, &text, &found));
	if (!found || !text.size)
		return NULL;
	TRY_CTX(base64url_decode(text, "nonce", ret), "invalid query: bad nonce format");
	return NULL;
}

static error *attest(struct client_api *api, struct http_exchange *x, struct statement *ret)
{
	CLEANUP(blob_free) struct blob nonce = { 0 };
	TRY(read_nonce(x, &nonce));
	return coordinator_attest(api->coordinator, blob_view(&nonce), ret);
}

/* In a worker: a TEE takes its time to issue, a service to give endorsements. */
static void get(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(statement_free) struct statement statement = { 0 };
	error *e = attest(api, x, &statement);
	if (e)
		jsend_error(x, e);
	else
		answer(x, &statement, true);
}

static void get_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(statement_free) struct statement statement = { 0 };
	error *e = coordinator_attest(api->coordinator, BYTES_EMPTY, &statement);
	if (e)
		jsend_error(x, e);
	else
		answer(x, &statement, false);
}

void quote_get(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get);
}

void quote_get_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get_v1);
}
