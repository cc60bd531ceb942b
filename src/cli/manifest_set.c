#include "cli/manifest_file.h"
#include "cli/output.h"
#include "cli/recovery_data.h"

static error *run(const struct invocation *call)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *data = NULL;
	uint8_t fingerprint[FINGERPRINT_SIZE];
	TRY(manifest_read(call->arguments[0], &manifest));
	TRY(manifest_fingerprint(blob_view(&manifest), fingerprint));
	TRY(coordinator_verify(call, call->arguments[1], &c));
	TRY(manifest_upload(&c, "/api/v2/manifest", &manifest, &data));
	say_note("The manifest is set. Its fingerprint: %s", hex_of(BYTES_OF_ARRAY(fingerprint)).text);
	TRY(recovery_data_deliver(call, data, "the manifest is set"));
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
