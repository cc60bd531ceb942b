/* What users of the command line get from others: recovery data, secrets as JSON or PEM, token files,
 * coordinators' answers. The first byte chooses. */
#include <openssl/rsa.h>

#include "cli/jsend.h"
#include "cli/secret_file.h"
#include "cli/share.h"
#include "cli/token_config.h"

static void try_secrets(bytes text, const char *name)
{
	CLEANUP_JSON json_t *secrets = NULL;
	error_free(secret_file_parse(text, "file", name, &secrets));
}

static void try_share(bytes text)
{
	static EVP_PKEY *key;
	CLEANUP(secret_free) struct secret share = { 0 };
	key = key ? key : EVP_RSA_gen(2048);
	error_free(share_of(text, "file", key, &share));
}

static void try_token_config(bytes text)
{
	CLEANUP(token_config_free) struct token_config config = { 0 };
	error_free(token_config_parse(text, "file", &config));
}

static void try_answer(bytes text)
{
	CLEANUP_JSON json_t *data = NULL;
	CLEANUP(blob_free) struct blob raw = { 0 };
	error_free(jsend_data(200, text, "answer", &data));
	error_free(json_bytes_member(data, "manifest", "answer", &raw));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bytes rest = bytes_slice(bytes_of(data, size), 1, SIZE_MAX);
	switch (size ? data[0] : 0) {
	case 'j':
		try_secrets(rest, NULL);
		break;
	case 'p':
		try_secrets(rest, "name");
		break;
	case 's':
		try_share(rest);
		break;
	case 't':
		try_token_config(rest);
		break;
	case 'a':
		try_answer(rest);
		break;
	default:
		break;
	}
	return 0;
}
