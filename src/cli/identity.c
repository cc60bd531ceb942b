#include "cli/identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/prompt.h"

enum { PEM_SIZE_MAX = 1 << 20 };

static void bio_free(BIO *bio)
{
	BIO_free(bio);
}
DEFINE_CLEANUP(bio_free, BIO *)

void identity_close(struct identity *who)
{
	X509_free(who->certificate);
	EVP_PKEY_free(who->key);
	token_close(who->token);
	*who = (struct identity){ 0 };
}

static error *check_token_key(const struct flag_values *f)
{
	if (flag_given(f, FLAG_PKCS11_KEY_ID) || flag_given(f, FLAG_PKCS11_KEY_LABEL))
		return NULL;
	return error_new(ERROR_INVALID, "which key of the token? --pkcs11-key-id or --pkcs11-key-label is "
			 "missing");
}

/* Names of things in a token need a token. */
static error *check_no_token(const struct flag_values *f)
{
	static const enum flag names[] = { FLAG_PKCS11_KEY_ID, FLAG_PKCS11_KEY_LABEL, FLAG_PKCS11_CERT_ID,
					   FLAG_PKCS11_CERT_LABEL };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flag_given(f, names[i]))
			return error_new(ERROR_INVALID, "a key of a token is named, but --pkcs11-config is "
					 "missing");
	return NULL;
}

static error *check_token(const struct flag_values *f)
{
	bool file = flag_given(f, FLAG_CERT);
	bool named = flag_given(f, FLAG_PKCS11_CERT_ID) || flag_given(f, FLAG_PKCS11_CERT_LABEL);
	if (flag_given(f, FLAG_KEY))
		return error_new(ERROR_INVALID, "--key or --pkcs11-config: not both");
	TRY(check_token_key(f));
	if (file && named)
		return error_new(ERROR_INVALID, "--cert or a certificate of the token: not both");
	if (file || named)
		return NULL;
	return error_new(ERROR_INVALID, "which certificate? --pkcs11-cert-id, --pkcs11-cert-label or --cert "
			 "is missing");
}

error *identity_check(const struct flag_values *f)
{
	if (flag_given(f, FLAG_PKCS11_CONFIG))
		return check_token(f);
	TRY(check_no_token(f));
	bool certificate = flag_given(f, FLAG_CERT), key = flag_given(f, FLAG_KEY);
	if (certificate != key)
		return error_new(ERROR_INVALID, "%s is missing: a user is a certificate and its private key",
				 key ? "--cert" : "--key");
	return key ? NULL : error_new(ERROR_INVALID, "who are you? --cert and --key, or --pkcs11-config, are missing");
}

error *recovery_key_optional(const struct flag_values *f)
{
	if (flag_given(f, FLAG_PKCS11_CONFIG) && flag_given(f, FLAG_RECOVERY_KEY))
		return error_new(ERROR_INVALID, "--key or --pkcs11-config: not both");
	return flag_given(f, FLAG_PKCS11_CONFIG) ? check_token_key(f) : check_no_token(f);
}

error *recovery_key_given(const struct flag_values *f)
{
	TRY(recovery_key_optional(f));
	if (flag_given(f, FLAG_PKCS11_CONFIG) || flag_given(f, FLAG_RECOVERY_KEY))
		return NULL;
	return error_new(ERROR_INVALID, "the private recovery key is missing: --key or --pkcs11-config");
}

/* What a PEM parser may ask for; OpenSSL's callback returns a length, or -1. */
struct passphrase {
	const char *path;
	error *failure;
};

static int ask_passphrase(char *to, int size, int writing, void *argument)
{
	struct passphrase *p = argument;
	CLEANUP(secret_free) struct secret entered = { 0 };
	char question[160];
	(void)writing;
	snprintf(question, sizeof question, "Passphrase of %.120s: ", p->path);
	p->failure = prompt_secret(question, "the key is encrypted", &entered);
	if (p->failure || entered.size > (size_t)size)
		return -1;
	memcpy(to, entered.data, entered.size);
	return (int)entered.size;
}

static error *open_pem(const char *path, struct secret *text, BIO **ret)
{
	TRY(file_read_secret(path, PEM_SIZE_MAX, text));
	BIO *bio = BIO_new_mem_buf(text->size ? (const void *)text->data : "", (int)text->size);
	TRY_ALLOC(bio);
	*ret = bio;
	return NULL;
}

static error *read_key(const char *path, EVP_PKEY **ret)
{
	CLEANUP(secret_free) struct secret text = { 0 };
	CLEANUP(bio_free) BIO *bio = NULL;
	struct passphrase passphrase = { .path = path };
	TRY_CTX(open_pem(path, &text, &bio), "--key");
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, ask_passphrase, &passphrase);
	ERR_clear_error();
	TRY_CTX(passphrase.failure, "%s", path);
	if (!key)
		return error_new(ERROR_INVALID, "%s: no private key in PEM that can be read (or a wrong "
				 "passphrase)", path);
	*ret = key;
	return NULL;
}

/* The first one: others behind it are its issuers. */
static error *read_certificate(const char *path, X509 **ret)
{
	CLEANUP(secret_free) struct secret text = { 0 };
	CLEANUP(bio_free) BIO *bio = NULL;
	static char no_passphrase[] = "";
	TRY_CTX(open_pem(path, &text, &bio), "--cert");
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, no_passphrase);
	ERR_clear_error();
	if (!certificate)
		return error_new(ERROR_INVALID, "%s: no certificate in PEM that can be read", path);
	*ret = certificate;
	return NULL;
}

static error *open_token(const struct flag_values *f, struct identity *who)
{
	struct token_name key = { f->values[FLAG_PKCS11_KEY_ID], f->values[FLAG_PKCS11_KEY_LABEL] };
	TRY(token_open(f->values[FLAG_PKCS11_CONFIG], &who->token));
	return token_private_key(who->token, key, &who->key);
}

static error *open_user(const struct flag_values *f, struct identity *who)
{
	struct token_name name = { f->values[FLAG_PKCS11_CERT_ID], f->values[FLAG_PKCS11_CERT_LABEL] };
	if (flag_given(f, FLAG_CERT))
		TRY(read_certificate(f->values[FLAG_CERT], &who->certificate));
	if (flag_given(f, FLAG_KEY))
		return read_key(f->values[FLAG_KEY], &who->key);
	TRY(open_token(f, who));
	return who->certificate ? NULL : token_certificate(who->token, name, &who->certificate);
}

error *identity_open(const struct flag_values *f, struct identity *ret)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	TRY(open_user(f, &who));
	bool fits = X509_check_private_key(who.certificate, who.key) == 1;
	ERR_clear_error();
	if (!fits)
		return error_new(ERROR_INVALID, "the private key is not that of the certificate");
	*ret = who;
	who = (struct identity){ 0 };
	return NULL;
}

error *recovery_key_open(const struct flag_values *f, struct identity *ret)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	if (flag_given(f, FLAG_PKCS11_CONFIG))
		TRY(open_token(f, &who));
	else if (flag_given(f, FLAG_RECOVERY_KEY))
		TRY(read_key(f->values[FLAG_RECOVERY_KEY], &who.key));
	if (who.key && EVP_PKEY_get_base_id(who.key) != EVP_PKEY_RSA)
		return error_new(ERROR_INVALID, "the recovery key is not an RSA key");
	*ret = who;
	who = (struct identity){ 0 };
	return NULL;
}
