/* Updates of the manifest: proposing, reading, acknowledging, cancelling. */
#include "base/clock.h"
#include "base/log.h"
#include "client_api/body.h"
#include "client_api/job.h"
#include "codec/base64.h"
#include "coordinator/people.h"

static void write_users(struct writer *w, const struct name_list *users)
{
	write_name(w, "missingUsers");
	if (!users->count) {
		write_string(w, "null");
		return;
	}
	for (size_t i = 0; i < users->count; i++) {
		write_string(w, i ? "," : "[");
		write_json_string(w, bytes_of_string(users->items[i]));
	}
	write_string(w, "]");
}

static void write_result(struct writer *w, const struct update_result *result)
{
	write_name(w, "missingAcknowledgments");
	write_format(w, "%zu", result->missing_acknowledgments);
	write_users(w, &result->missing_users);
	if (!result->recovery.count)
		return;
	write_name(w, "recoverySecrets");
	write_recovery_secrets(w, &result->recovery);
}

/* How many must still agree, in words. */
static void write_waiting(struct writer *w, const struct update_result *result)
{
	size_t missing = result->missing_acknowledgments;
	if (!missing)
		write_string(w, "All acknowledgments are there. The update is applied.");
	else
		write_format(w, "%zu user%s must still acknowledge the update.", missing, missing == 1 ? "" : "s");
}

static void write_message(struct writer *w, const struct update_result *result)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	write_waiting(&text, result);
	write_string_member(w, "message", writer_view(&text));
}

static error *read_manifest(const struct http_exchange *x, bool v2, struct blob *ret)
{
	return v2 ? body_manifest(x, ret) : blob_copy(x->body, ret);
}

typedef error *change_function(struct coordinator *c, bytes certificate, bytes text, int64_t now,
			       struct update_result *ret);

static error *change(struct client_api *api, struct http_exchange *x, bool v2, change_function *function,
		     struct update_result *ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(read_manifest(x, v2, &text));
	return function(api->coordinator, x->peer_certificate, blob_view(&text), clock_now(), ret);
}

static void refuse(struct http_exchange *x, error *e)
{
	log_warning("update refused", LOG_ERROR_FIELD(e));
	jsend_error(x, e);
}

static void note(const struct update_result *result)
{
	if (result->missing_acknowledgments)
		log_info("a manifest update waits", LOG_NUMBER_FIELD("missing", result->missing_acknowledgments));
	else
		log_info("manifest updated");
}

/* ---- POST /update ---- */

static void propose(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(update_result_free) struct update_result result = { 0 };
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = change(api, x, true, coordinator_update, &result);
	if (e) {
		refuse(x, e);
		return;
	}
	note(&result);
	write_string(&data, "{");
	write_result(&data, &result);
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

static void propose_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(update_result_free) struct update_result result = { 0 };
	error *e = change(api, x, false, coordinator_update, &result);
	if (e) {
		refuse(x, e);
		return;
	}
	note(&result);
	jsend_success(x, bytes_of_string("null"));
}

void update_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, propose);
}

void update_post_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, propose_v1);
}

/* ---- POST /update-manifest ---- */

static void acknowledge(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(update_result_free) struct update_result result = { 0 };
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = change(api, x, true, coordinator_acknowledge_update, &result);
	if (e) {
		refuse(x, e);
		return;
	}
	note(&result);
	write_string(&data, "{");
	write_message(&data, &result);
	write_result(&data, &result);
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

static void acknowledge_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(update_result_free) struct update_result result = { 0 };
	CLEANUP(writer_free) struct writer text = { 0 }, data = { 0 };
	error *e = change(api, x, false, coordinator_acknowledge_update, &result);
	if (e) {
		refuse(x, e);
		return;
	}
	note(&result);
	write_waiting(&text, &result);
	write_json_string(&data, writer_view(&text));
	jsend_success(x, writer_view(&data));
}

void update_manifest_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, acknowledge);
}

void update_manifest_post_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, acknowledge_v1);
}

/* ---- GET /update-manifest ---- */

static error *write_pending(struct client_api *api, bool v2, struct writer *data)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(api->coordinator);
	CLEANUP(update_result_free) struct update_result result = { 0 };
	TRY(state_require(mesh->state, REQUEST_UPDATE));
	TRY(mesh_pending_update(mesh, &result));
	write_string(data, "{");
	if (v2)
		write_base64_member(data, "manifest", blob_view(&mesh->pending.text));
	else
		write_string_member(data, "manifest", blob_view(&mesh->pending.text));
	write_message(data, &result);
	write_users(data, &result.missing_users);
	write_string(data, "}");
	return NULL;
}

static void get_pending(struct client_api *api, struct http_exchange *x, bool v2)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = write_pending(api, v2, &data);
	if (e)
		jsend_error(x, e);
	else
		jsend_success(x, writer_view(&data));
}

void update_manifest_get(struct client_api *api, struct http_exchange *x)
{
	get_pending(api, x, true);
}

void update_manifest_get_v1(struct client_api *api, struct http_exchange *x)
{
	get_pending(api, x, false);
}

/* ---- POST /update-cancel ---- */

static const char cancelled[] = "The pending update is cancelled.";

static void cancel(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = coordinator_cancel_update(api->coordinator, x->peer_certificate, clock_now());
	if (e) {
		refuse(x, e);
		return;
	}
	log_info("manifest update cancelled");
	write_string(&data, "{");
	write_string_member(&data, "message", bytes_of_string(cancelled));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

static void cancel_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = coordinator_cancel_update(api->coordinator, x->peer_certificate, clock_now());
	if (e) {
		refuse(x, e);
		return;
	}
	write_json_string(&data, bytes_of_string(cancelled));
	jsend_success(x, writer_view(&data));
}

void update_cancel_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, cancel);
}

void update_cancel_post_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, cancel_v1);
}
