#include "cli/manifest_update.h"

static error *run(const struct invocation *call)
{
	return manifest_update_send(call, "/api/v2/update",
				    &(struct update_words){
					    .done = "The update is applied.",
					    .pending = "The update waits to be acknowledged.",
					    .failed = "the update is applied",
				    });
}

const struct command manifest_update_apply_command = {
	.name = "manifest update apply",
	.arguments = "MANIFEST ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Update the manifest, or begin to",
	.text = "MANIFEST is either a whole new manifest, or has nothing but new SecurityVersions of\n"
		"packages. A whole manifest takes effect when as many users have acknowledged it as\n"
		"the present one demands. New recovery data are printed as JSON.\n",
	.examples = "  marblerun manifest update apply new.json mesh.example:4433 \\\n"
		    "    --cert alice.crt --key alice.key --recoverydata recovery.json\n"
		    "  marblerun manifest update apply new.json mesh.example:4433 --pkcs11-config \\\n"
		    "    token.json --pkcs11-key-label alice --pkcs11-cert-label alice\n",
	.own = { IDENTITY_FLAGS, FLAG_RECOVERY_DATA },
	.check = identity_check,
	.run = run,
};
