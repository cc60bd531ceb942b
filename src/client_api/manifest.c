#include "base/clock.h"
#include "base/log.h"
#include "client_api/body.h"
#include "client_api/job.h"
#include "codec/hex.h"

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

static void answer_set(struct http_exchange *x, bool is_v2, const struct named_blobs *recovery)
{
	CLEANUP(writer_free) struct writer data = { 0 };
	bool any = recovery->count > 0, wrapped = is_v2 || any;
	write_string(&data, wrapped ? "{\"RecoverySecrets\":" : "");
	if (any)
		write_recovery_secrets(&data, recovery);
	else
		write_string(&data, "null");
	write_string(&data, wrapped ? "}" : "");
	jsend_success(x, writer_view(&data));
}

static error *set(struct client_api *api, struct http_exchange *x, bool is_v2, struct named_blobs *ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(is_v2 ? body_manifest(x, &text) : blob_copy(x->body, &text));
	return coordinator_set_manifest(api->coordinator, blob_view(&text), clock_now(), ret);
}

static void run_set(struct client_api *api, struct http_exchange *x, bool is_v2)
{
	CLEANUP(named_blobs_free) struct named_blobs recovery = { 0 };
	error *e = set(api, x, is_v2, &recovery);
	if (e) {
		log_warning("manifest refused", LOG_ERROR_FIELD(e));
		jsend_error(x, e);
		return;
	}
	log_info("manifest set");
	answer_set(x, is_v2, &recovery);
}

static void run_set_v2(struct client_api *api, struct http_exchange *x)
{
	run_set(api, x, true);
}

static void run_set_v1(struct client_api *api, struct http_exchange *x)
{
	run_set(api, x, false);
}

void manifest_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, run_set_v2);
}

void manifest_post_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, run_set_v1);
}
