#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/identity.h"
#include "cli/output.h"
#include "cli/share.h"

enum { FILE_SIZE_MAX = 64 << 10 };

static void key_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
}
DEFINE_CLEANUP(key_free, EVP_PKEY *)

static error *check(const struct flag_values *flags)
{
	const char *path = flags->values[FLAG_OUTPUT_FILE];
	TRY(recovery_key_optional(flags));
	if (!flag_given(flags, FLAG_COORDINATOR_PUB_KEY))
		return error_new(ERROR_INVALID, "to whom? --coordinator-pub-key is missing");
	if (path && *path)
		return NULL;
	return error_new(ERROR_INVALID, "where to? --output is missing");
}

static error *read_public_key(const char *path, EVP_PKEY **ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY_CTX(file_read(path, FILE_SIZE_MAX, &text), "--coordinator-pub-key");
	BIO *bio = BIO_new_mem_buf(text.size ? (const void *)text.data : "", (int)text.size);
	TRY_ALLOC(bio);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		return error_new(ERROR_INVALID, "%s: no RSA public key in PEM", path);
	}
	*ret = key;
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(key_free) EVP_PKEY *coordinator = NULL;
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob sealed = { 0 };
	TRY(read_public_key(call->flags.values[FLAG_COORDINATOR_PUB_KEY], &coordinator));
	TRY(recovery_key_open(&call->flags, &who));
	TRY(share_load(call->arguments[0], who.key, &share));
	TRY(share_encrypt(&share, coordinator, &sealed));
	return deliver_bytes(call->flags.values[FLAG_OUTPUT_FILE], blob_view(&sealed), 0644);
}

const struct command recover_encrypt_command = {
	.name = "recover-with-signature encrypt-secret",
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.summary = "Encrypt a recovery secret to the coordinator's ephemeral key",
	.text = "FILE as for 'recover'; the recovery key decrypts it first. Needs no network.\n",
	.examples = "  marblerun recover-with-signature encrypt-secret recovery.json --key recovery.key \\\n"
		    "    --coordinator-pub-key ephemeral.pem -o secret.enc\n",
	.local = true,
	.own = { RECOVERY_KEY_FLAGS, FLAG_COORDINATOR_PUB_KEY, FLAG_OUTPUT_FILE },
	.check = check,
	.run = run,
};
