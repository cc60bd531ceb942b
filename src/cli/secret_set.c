#include "base/file.h"
#include "cli/coordinator.h"
#include "cli/output.h"
#include "cli/secret_file.h"

enum { FILE_SIZE_MAX = 16 << 20 };

static error *read_secrets(const struct invocation *call, json_t **ret)
{
	CLEANUP(secret_free) struct secret text = { 0 };
	const char *name = call->flags.values[FLAG_FROM_PEM];
	if (name && !*name)
		return error_new(ERROR_INVALID, "--from-pem is empty: the name of a secret is expected");
	TRY(file_read_secret(call->arguments[0], FILE_SIZE_MAX, &text));
	return secret_file_parse(secret_view(&text), call->arguments[0], name, ret);
}

static error *run(const struct invocation *call)
{
	CLEANUP_JSON json_t *secrets = NULL;
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	TRY(read_secrets(call, &secrets));
	CLEANUP_JSON json_t *body = json_pack("{s:O}", "secrets", secrets);
	TRY_ALLOC(body);
	TRY(identity_open(&call->flags, &who));
	TRY(coordinator_open(call, call->arguments[1], &c));
	TRY(coordinator_authenticate(&c, &who));
	TRY(coordinator_request(&c, "/api/v2/secrets", body, &answer));
	size_t count = json_object_size(secrets);
	say_note("%zu secret%s set.", count, count == 1 ? " is" : "s are");
	return NULL;
}

const struct command secret_set_command = {
	.name = "secret set",
	.arguments = "FILE ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Give the coordinator user-defined secrets",
	.text = "FILE is JSON: {\"NAME\": {\"Key\": base64}} for a symmetric key or a plain secret,\n"
		"{\"NAME\": {\"Cert\": base64, \"Private\": base64}} (DER) for a certificate with its key;\n"
		"all of them are set, or none. With --from-pem, FILE holds one secret's certificate\n"
		"and/or private key as PEM.\n",
	.examples = "  marblerun secret set secrets.json mesh.example:4433 --cert alice.crt --key alice.key\n"
		    "  marblerun secret set server.pem mesh.example:4433 --from-pem server-certificate \\\n"
		    "    --cert alice.crt --key alice.key\n",
	.own = { IDENTITY_FLAGS, FLAG_FROM_PEM },
	.check = identity_check,
	.run = run,
};
