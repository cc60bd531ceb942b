/* Recovery of a state that does not open. */
#include "base/clock.h"
#include "base/log.h"
#include "client_api/body.h"
#include "client_api/job.h"
#include "coordinator/people.h"

static error *read_and_recover(struct client_api *api, struct http_exchange *x, size_t *ret_remaining)
{
	CLEANUP_JSON json_t *body = NULL;
	CLEANUP(blob_wipe) struct blob part = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	TRY(body_object(x, "{\"recoverySecret\": base64, \"recoverySecretSignature\": base64}", &body));
	TRY(body_base64(body, "recoverySecret", &part));
	json_t *given = json_member(body, "recoverySecretSignature");
	if (given && !json_is_null(given))
		TRY(body_base64(body, "recoverySecretSignature", &signature));
	return coordinator_recover(api->coordinator, blob_view(&part), blob_view(&signature), clock_now(),
				   ret_remaining);
}

static void recover(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(writer_free) struct writer data = { 0 }, message = { 0 };
	size_t remaining;
	error *e = read_and_recover(api, x, &remaining);
	if (e) {
		log_warning("recovery secret refused", LOG_ERROR_FIELD(e));
		jsend_error(x, e);
		return;
	}
	log_info(remaining ? "recovery secret taken" : "state recovered",
		 LOG_NUMBER_FIELD("remaining", (long long)remaining));
	if (remaining)
		write_format(&message, "The recovery secret fits. Remaining: %zu", remaining);
	else
		write_string(&message, "Recovery successful.");
	write_format(&data, "{\"remaining\":%zu", remaining);
	write_string_member(&data, "message", writer_view(&message));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

void recover_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, recover);
}

/* Version 1 has no place for the signature without which nobody recovers anything. */
void recover_post_v1(struct client_api *api, struct http_exchange *x)
{
	(void)api;
	jsend_error(x, error_new(ERROR_UNSUPPORTED, "a recovery secret must be signed by its owner: use "
				 "/api/v2/recover, with recoverySecretSignature"));
}

static void public_key(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(blob_free) struct blob key = { 0 };
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = coordinator_recovery_key(api->coordinator, &key);
	if (e) {
		jsend_error(x, e);
		return;
	}
	write_string(&data, "{");
	write_string_member(&data, "algorithm", bytes_of_string("RSA"));
	write_base64_member(&data, "ephemeralPublicKey", blob_view(&key));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

void recovery_public_key_get(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, public_key);
}
