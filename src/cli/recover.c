#include "cli/recover_send.h"
#include "cli/share.h"

static error *run(const struct invocation *call)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	TRY(recovery_key_open(&call->flags, &who));
	TRY(share_load(call->arguments[0], who.key, &share));
	TRY(share_sign(&share, who.key, &signature));
	return recover_send(call, call->arguments[1], secret_view(&share), blob_view(&signature));
}

const struct command recover_command = {
	.name = "recover",
	.arguments = "FILE ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Recover a coordinator that can't open its sealed state",
	.text = "FILE holds one party's recovery secret, encrypted (raw or base64) or decrypted\n"
		"already, or the recovery data that 'manifest set' wrote. The recovery key decrypts the\n"
		"secret and signs it; the coordinator is verified before it gets it. Says how many\n"
		"secrets of other parties are needed still.\n",
	.examples = "  marblerun recover recovery.json mesh.example:4433 --key recovery.key \\\n"
		    "    --era-config coordinator-era.json\n"
		    "  marblerun recover secret.bin mesh.example:4433 --pkcs11-config token.json \\\n"
		    "    --pkcs11-key-label recovery --era-config coordinator-era.json\n",
	.own = { RECOVERY_KEY_FLAGS },
	.check = recovery_key_given,
	.run = run,
};
