#include <openssl/x509.h>

#include "cli/coordinator.h"
#include "cli/jsend.h"
#include "cli/output.h"
#include "codec/pem.h"

static error *check_rsa(const struct blob *der, const char *what)
{
	const unsigned char *at = der->data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der->size);
	bool good = key && at == der->data + der->size && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	EVP_PKEY_free(key);
	return good ? NULL : error_new(ERROR_INVALID, "%s: \"ephemeralPublicKey\" is no RSA key", what);
}

static error *run(const struct invocation *call)
{
	static const char endpoint[] = "/api/v2/recover/public-key";
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(writer_free) struct writer pem = { 0 };
	TRY(coordinator_verify(call, call->arguments[0], &c));
	TRY(coordinator_request(&c, endpoint, NULL, &answer));
	TRY(json_bytes_member(answer, "ephemeralPublicKey", endpoint, &der));
	TRY(check_rsa(&der, endpoint));
	write_pem(&pem, "PUBLIC KEY", blob_view(&der));
	TRY(writer_check(&pem, endpoint));
	return deliver_bytes(call->flags.values[FLAG_OUTPUT_FILE], writer_view(&pem), 0644);
}

const struct command recover_public_key_command = {
	.name = "recover-with-signature public-key",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Verify a coordinator and save its ephemeral key",
	.text = "The key to which 'encrypt-secret' encrypts, as PEM. It is the coordinator's until it\n"
		"restarts.\n",
	.examples = "  marblerun recover-with-signature public-key mesh.example:4433 \\\n"
		    "    --era-config coordinator-era.json -o ephemeral.pem\n",
	.own = { FLAG_OUTPUT_FILE },
	.run = run,
};
