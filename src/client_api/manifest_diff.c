/* What an update would mean: GET, the pending one; POST, any. */
#include "client_api/body.h"
#include "client_api/job.h"
#include "coordinator/people.h"

static void answer(struct client_api *api, struct http_exchange *x, bytes text)
{
	CLEANUP_JSON json_t *found = NULL;
	CLEANUP(blob_free) struct blob data = { 0 };
	error *e = coordinator_diff(api->coordinator, x->peer_certificate, text, &found);
	if (!e)
		e = json_print(found, JSON_COMPACT, &data);
	if (e)
		jsend_error(x, e);
	else
		jsend_success(x, blob_view(&data));
}

static void pending(struct client_api *api, struct http_exchange *x)
{
	answer(api, x, BYTES_EMPTY);
}

static void proposed(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	error *e = body_manifest(x, &text);
	if (!e && !text.size)
		e = error_new(ERROR_INVALID, "request body: the manifest is empty");
	if (e)
		jsend_error(x, e);
	else
		answer(api, x, blob_view(&text));
}

void manifest_diff_get(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, pending);
}

void manifest_diff_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, proposed);
}
