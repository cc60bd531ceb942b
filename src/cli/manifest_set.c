#include "base/file.h"
#include "cli/manifest_file.h"
#include "cli/output.h"
#include "codec/base64.h"

static error *upload(struct coordinator *c, const struct blob *manifest, json_t **ret)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	write_base64(&text, blob_view(manifest));
	TRY(writer_check(&text, "manifest"));
	CLEANUP_JSON json_t *body =
		json_pack("{s:s%}", "manifest", (const char *)text.data, text.size);
	TRY_ALLOC(body);
	return coordinator_request(c, "/api/v2/manifest", body, ret);
}

/* The manifest is set by now: what can't be written is printed rather than lost. */
static error *deliver_recovery(const struct invocation *call, json_t *data)
{
	json_t *secrets = json_member(data, "RecoverySecrets");
	const char *path = call->flags.values[FLAG_RECOVERY_DATA];
	CLEANUP(blob_free) struct blob text = { 0 };
	if (!json_is_object(secrets) || json_object_size(secrets) == 0)
		return NULL;
	CLEANUP_JSON json_t *out = json_pack("{s:O}", "RecoverySecrets", secrets);
	TRY_ALLOC(out);
	TRY(json_print(out, JSON_COMPACT, &text));
	error *e = path ? file_replace(path, blob_view(&text), 0600) : NULL;
	if (path && !e)
		say_note("Recovery data saved to %s", path);
	else
		printf("%.*s\n", (int)text.size, (const char *)text.data);
	return error_wrap(e, "the manifest is set, but its recovery data could only be printed: "
			  "--recoverydata");
}

static error *run(const struct invocation *call)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *data = NULL;
	uint8_t fingerprint[FINGERPRINT_SIZE];
	TRY(manifest_read(call->arguments[0], &manifest));
	TRY(manifest_fingerprint(blob_view(&manifest), fingerprint));
	TRY(coordinator_verify(call, call->arguments[1], &c));
	TRY(upload(&c, &manifest, &data));
	say_note("The manifest is set. Its signature: %s", hex_of(BYTES_OF_ARRAY(fingerprint)).text);
	TRY(deliver_recovery(call, data));
	return coordinator_keep(call, &c);
}

const struct command manifest_set_command = {
	.name = "manifest set",
	.arguments = "MANIFEST ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Verify a coordinator and give it its manifest",
	.text = "Prints the recovery data as JSON when the manifest has RecoveryKeys. The verified\n"
		"certificate chain is kept for later connections.\n",
	.examples = "  marblerun manifest set manifest.json mesh.example:4433 \\\n"
		    "    --era-config coordinator-era.json --recoverydata recovery.json\n",
	.own = { FLAG_RECOVERY_DATA },
	.run = run,
};
