#include "base/clock.h"
#include "base/log.h"
#include "client_api/client_api_internal.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/json.h"

/* Names of the members, which differ between the versions. */
struct manifest_names {
	const char *signature, *fingerprint, *manifest;
};
static const struct manifest_names v1 = { "ManifestSignatureRootECDSA", "ManifestSignature", "Manifest" };
static const struct manifest_names v2 = { "manifestSignatureRootECDSA", "manifestFingerprint",
					  "manifest" };

static void answer(struct http_exchange *x, const struct mesh *mesh, const struct manifest_names *names)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	write_string(&data, "{");
	write_base64_member(&data, names->signature, blob_view(&mesh->manifest_signature));
	write_name(&data, names->fingerprint);
	write_string(&data, "\"");
	write_hex(&data, BYTES_OF_ARRAY(mesh->manifest->fingerprint));
	write_string(&data, "\"");
	write_base64_member(&data, names->manifest, blob_view(&mesh->manifest->text));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

void manifest_get(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(api->coordinator);
	error *e = state_require(mesh->state, REQUEST_GET_MANIFEST);
	if (e)
		jsend_error(x, e);
	else
		answer(x, mesh, &v2);
}

/* Version 1 answers with empty members before there is a manifest. */
void manifest_get_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(api->coordinator);
	if (mesh->manifest)
		answer(x, mesh, &v1);
	else
		jsend_success(x, bytes_of_string("{\"ManifestSignatureRootECDSA\":null,"
						 "\"ManifestSignature\":\"\",\"Manifest\":null}"));
}

/* A manifest on its way to the coordinator, in a worker: it may have keys made. */
struct set_job {
	struct client_api *api;
	struct http_exchange *x;
	struct blob text;
	bool v2;
};

static void write_recovery(struct writer *w, const struct named_blobs *secrets)
{
	write_string(w, "{");
	for (size_t i = 0; i < secrets->count; i++) {
		write_string(w, i ? "," : "");
		write_json_string(w, bytes_of_string(secrets->items[i].name));
		write_string(w, ":\"");
		write_base64(w, blob_view(&secrets->items[i].value));
		write_string(w, "\"");
	}
	write_string(w, "}");
}

static void answer_set(const struct set_job *job, const struct named_blobs *recovery)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	bool any = recovery->count > 0;
	if (job->v2 || any)
		write_string(&data, "{\"RecoverySecrets\":");
	if (any)
		write_recovery(&data, recovery);
	else
		write_string(&data, "null");
	if (job->v2 || any)
		write_string(&data, "}");
	jsend_success(job->x, writer_view(&data));
}

static void run_set(void *context)
{
	struct set_job *job = context;
	CLEANUP(named_blobs_free) struct named_blobs recovery = { 0 };
	error *e = coordinator_set_manifest(job->api->coordinator, blob_view(&job->text), clock_now(),
					    &recovery);
	if (e) {
		log_warning("manifest refused", LOG_ERROR_FIELD(e));
		jsend_error(job->x, e);
	} else {
		log_info("manifest set");
		answer_set(job, &recovery);
	}
	blob_free(&job->text);
	free(job);
}

static error *submit(struct client_api *api, struct http_exchange *x, struct blob *text, bool is_v2)
{
	struct set_job *job = calloc(1, sizeof *job);
	TRY_ALLOC(job);
	*job = (struct set_job){ api, x, blob_take(text), is_v2 };
	error *e = workers_submit(api->slow, run_set, job);
	if (e) {
		blob_free(&job->text);
		free(job);
	}
	return e;
}

/* {"manifest": base64} */
static error *read_v2_body(const struct http_exchange *x, struct blob *ret)
{
	CLEANUP_JSON json_t *body = NULL;
	TRY(json_parse(x->body, "request body", &body));
	json_t *text = json_is_object(body) ? json_member(body, "manifest") : NULL;
	if (!json_is_string(text))
		return error_new(ERROR_INVALID, "request body: an object {\"manifest\": base64 of the "
				 "manifest} is expected");
	return base64_decode(json_bytes(text), "request body: manifest", ret);
}

void manifest_post(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	error *e = read_v2_body(x, &text);
	if (!e)
		e = submit(api, x, &text, true);
	if (e)
		jsend_error(x, e);
}

void manifest_post_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	error *e = blob_copy(x->body, &text);
	if (!e)
		e = submit(api, x, &text, false);
	if (e)
		jsend_error(x, e);
}
