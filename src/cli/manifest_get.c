#include "base/file.h"
#include "cli/jsend.h"
#include "cli/manifest_file.h"
#include "cli/output.h"
#include "codec/hex.h"

static error *display_updates(struct coordinator *c, struct blob *text)
{
	CLEANUP_JSON json_t *manifest = NULL;
	bool changed;
	TRY(manifest_merge_updates(c, text, &changed));
	TRY(json_parse(blob_view(text), "the coordinator's manifest", &manifest));
	blob_free(text);
	return json_print(manifest, JSON_INDENT(4), text);
}

static error *with_signature(const uint8_t fingerprint[FINGERPRINT_SIZE], struct blob *text)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_string(&w, "{\n\"ManifestSignature\": \"");
	write_hex(&w, bytes_of(fingerprint, FINGERPRINT_SIZE));
	write_string(&w, "\",\n\"Manifest\": ");
	write_bytes(&w, blob_view(text));
	write_string(&w, "}");
	blob_free(text);
	return blob_of_writer(&w, "manifest", text);
}

static error *deliver(const struct invocation *call, const struct blob *text)
{
	const char *path = call->flags.values[FLAG_OUTPUT_FILE];
	if (path && *path && strcmp(path, "-") != 0)
		return file_replace(path, blob_view(text), 0644);
	fwrite(text->data, 1, text->size, stdout);
	putchar('\n');
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	struct served_manifest manifest = { 0 };
	TRY(coordinator_open(call, call->arguments[0], &c));
	TRY(manifest_fetch(&c, &manifest));
	CLEANUP(blob_free) struct blob text = blob_take(&manifest.text);
	if (flag_given(&call->flags, FLAG_DISPLAY_UPDATE))
		TRY(display_updates(&c, &text));
	if (flag_given(&call->flags, FLAG_SIGNATURE))
		TRY(with_signature(manifest.fingerprint, &text));
	TRY(deliver(call, &text));
	return flag_given(&call->flags, FLAG_KEEP_CERT) ? coordinator_keep(call, &c) : NULL;
}

const struct command manifest_get_command = {
	.name = "manifest get",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Print the manifest of a coordinator",
	.text =
		"Connects to the coordinator that was verified last, or verifies it now when\n"
		"--era-config is given. The manifest is checked against the signature of the\n"
		"coordinator's root key, and printed byte for byte unless flags change it.\n",
	.examples = "  marblerun manifest get mesh.example:4433 --era-config coordinator-era.json\n"
		    "  marblerun manifest get localhost:4433 --insecure --signature -o manifest.json\n",
	.own = { FLAG_OUTPUT_FILE, FLAG_SIGNATURE, FLAG_DISPLAY_UPDATE, FLAG_KEEP_CERT },
	.run = run,
};
