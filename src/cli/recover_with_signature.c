#include "base/file.h"
#include "cli/recover_send.h"

enum { FILE_SIZE_MAX = 64 << 10 };

static error *check(const struct flag_values *flags)
{
	if (flag_given(flags, FLAG_SIGNATURE_FILE))
		return NULL;
	return error_new(ERROR_INVALID, "the signature is missing: --signature");
}

static error *run(const struct invocation *call)
{
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	TRY(file_read_secret(call->arguments[0], FILE_SIZE_MAX, &share));
	TRY_CTX(file_read(call->flags.values[FLAG_SIGNATURE_FILE], FILE_SIZE_MAX, &signature),
		"--signature");
	return recover_send(call, call->arguments[1], secret_view(&share), blob_view(&signature));
}

const struct command recover_with_signature_command = {
	.name = "recover-with-signature",
	.arguments = "FILE ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Recover, with a recovery key that stays on another machine",
	.text = "FILE is what 'encrypt-secret' wrote (or the decrypted recovery secret), --signature\n"
		"what 'sign-secret' wrote.\n",
	.examples = "  marblerun recover-with-signature public-key mesh.example:4433 -o ephemeral.pem\n"
		    "  # on the machine that has the recovery key:\n"
		    "  marblerun recover-with-signature sign-secret recovery.json --key recovery.key \\\n"
		    "    -o secret.sig\n"
		    "  marblerun recover-with-signature encrypt-secret recovery.json --key recovery.key \\\n"
		    "    --coordinator-pub-key ephemeral.pem -o secret.enc\n"
		    "  # back here:\n"
		    "  marblerun recover-with-signature secret.enc mesh.example:4433 -s secret.sig\n",
	.own = { FLAG_SIGNATURE_FILE },
	.check = check,
	.run = run,
};
