#include "cli/manifest_update.h"

static error *run(const struct invocation *call)
{
	return manifest_update_send(call, "/api/v2/update-manifest",
				    &(struct update_words){
					    .done = "Acknowledged. All acknowledgements are there: the update "
						    "is applied.",
					    .pending = "Acknowledged.",
					    .failed = "the update is applied",
				    });
}

const struct command manifest_update_acknowledge_command = {
	.name = "manifest update acknowledge",
	.arguments = "MANIFEST ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Agree to a pending update",
	.text = "MANIFEST is the very manifest that was applied, byte for byte: whoever acknowledges\n"
		"has it and agrees to it. 'manifest update get' shows the pending one.\n",
	.examples = "  marblerun manifest update get mesh.example:4433 -o new.json\n"
		    "  marblerun manifest update acknowledge new.json mesh.example:4433 \\\n"
		    "    --cert bob.crt --key bob.key\n",
	.own = { IDENTITY_FLAGS, FLAG_RECOVERY_DATA },
	.check = identity_check,
	.run = run,
};
