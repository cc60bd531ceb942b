#include "cli/command.h"
#include "cli/identity.h"
#include "cli/output.h"
#include "cli/share.h"

static error *check(const struct flag_values *flags)
{
	const char *path = flags->values[FLAG_OUTPUT_FILE];
	TRY(recovery_key_given(flags));
	if (path && *path)
		return NULL;
	return error_new(ERROR_INVALID, "where to? --output is missing");
}

static error *run(const struct invocation *call)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	TRY(recovery_key_open(&call->flags, &who));
	TRY(share_load(call->arguments[0], who.key, &share));
	TRY(share_sign(&share, who.key, &signature));
	return deliver_bytes(call->flags.values[FLAG_OUTPUT_FILE], blob_view(&signature), 0644);
}

const struct command recover_sign_command = {
	.name = "recover-with-signature sign-secret",
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.summary = "Sign a recovery secret with its recovery key",
	.text = "FILE as for 'recover'. Needs no network.\n",
	.examples = "  marblerun recover-with-signature sign-secret recovery.json --key recovery.key \\\n"
		    "    -o secret.sig\n",
	.local = true,
	.own = { RECOVERY_KEY_FLAGS, FLAG_OUTPUT_FILE },
	.check = check,
	.run = run,
};
