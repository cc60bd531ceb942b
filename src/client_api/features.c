/* Endpoints that a manifest must ask for in Config.FeatureGates. */
#include "base/clock.h"
#include "client_api/body.h"
#include "client_api/job.h"
#include "coordinator/people.h"

static error *sign(struct client_api *api, struct http_exchange *x, struct blob *ret_signature,
		   enum marblerun_tcb_status *ret_status)
{
	CLEANUP_JSON json_t *body = NULL;
	CLEANUP(blob_free) struct blob quote = { 0 };
	TRY(body_object(x, "{\"sgxQuote\": base64}", &body));
	TRY(body_base64(body, "sgxQuote", &quote));
	return coordinator_sign_quote(api->coordinator, blob_view(&quote), clock_now(), ret_signature, ret_status);
}

static void sign_quote(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(blob_free) struct blob signature = { 0 };
	CLEANUP(writer_free) struct writer data = { 0 };
	enum marblerun_tcb_status status;
	error *e = sign(api, x, &signature, &status);
	if (e) {
		jsend_error(x, e);
		return;
	}
	write_string(&data, "{");
	write_string_member(&data, "tcbStatus", bytes_of_string(marblerun_tcb_status_name(status)));
	write_base64_member(&data, "verificationSignature", blob_view(&signature));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

void sign_quote_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, sign_quote);
}

static const char counter_form[] = "{\"name\": text, \"value\": number}";

static error *count(struct client_api *api, struct http_exchange *x, uint64_t *ret_previous)
{
	CLEANUP_JSON json_t *body = NULL;
	TRY(body_object(x, counter_form, &body));
	json_t *name = json_member(body, "name"), *value = json_member(body, "value");
	if ((name && !json_is_string(name)) || !json_is_integer(value) || json_integer_value(value) < 0)
		return error_new(ERROR_INVALID, "request body: an object %s is expected", counter_form);
	return coordinator_monotonic_counter(api->coordinator, x->peer_certificate, json_bytes(name),
					     (uint64_t)json_integer_value(value), clock_now(), ret_previous);
}

static void monotonic_counter(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	uint64_t previous;
	error *e = count(api, x, &previous);
	if (e) {
		jsend_error(x, e);
		return;
	}
	write_format(&data, "{\"value\":%llu}", (unsigned long long)previous);
	jsend_success(x, writer_view(&data));
}

void monotonic_counter_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, monotonic_counter);
}
