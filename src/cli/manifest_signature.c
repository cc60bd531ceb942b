#include "cli/manifest_file.h"
#include "cli/output.h"

static error *run(const struct invocation *call)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	uint8_t fingerprint[FINGERPRINT_SIZE];
	TRY(manifest_read(call->arguments[0], &manifest));
	TRY(manifest_fingerprint(blob_view(&manifest), fingerprint));
	puts(hex_of(BYTES_OF_ARRAY(fingerprint)).text);
	return NULL;
}

const struct command manifest_signature_command = {
	.name = "manifest signature",
	.arguments = "MANIFEST",
	.least = 1,
	.most = 1,
	.summary = "Print the fingerprint (SHA-256) of a manifest",
	.text = "It covers the exact bytes of the file. 'manifest verify' takes it in place of the file.\n",
	.examples = "  marblerun manifest signature manifest.json\n",
	.local = true,
	.run = run,
};
