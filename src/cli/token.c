#include "cli/token.h"

#include <libp11.h>
#include <openssl/err.h>
#include <stdio.h>

#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/token_config.h"
#include "codec/hex.h"

struct token {
	PKCS11_CTX *context;
	bool loaded;
	PKCS11_SLOT *slots;
	unsigned slot_count;
	PKCS11_SLOT *slot; /* the one that was chosen */
};

void token_close(struct token *token)
{
	if (!token)
		return;
	if (token->slots)
		PKCS11_release_all_slots(token->context, token->slots, token->slot_count);
	if (token->loaded)
		PKCS11_CTX_unload(token->context);
	if (token->context)
		PKCS11_CTX_free(token->context);
	free(token);
}

/* The library's words for what just failed, once. */
static error *failed(enum error_code code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	error *e = error_new(code, "%s: %s", what, reason ? reason : "refused without a reason");
	ERR_clear_error();
	return e;
}

static error *load(struct token *token, const char *module)
{
	ERR_load_PKCS11_strings();
	token->context = PKCS11_CTX_new();
	TRY_ALLOC(token->context);
	if (PKCS11_CTX_load(token->context, module) != 0)
		return error_wrap(failed(ERROR_UNAVAILABLE, module), "loading the PKCS#11 module");
	token->loaded = true;
	if (PKCS11_enumerate_slots(token->context, &token->slots, &token->slot_count) != 0)
		return failed(ERROR_UNAVAILABLE, "listing the PKCS#11 module's slots");
	return NULL;
}

static bool is_wanted(PKCS11_SLOT *slot, const struct token_config *wanted)
{
	const PKCS11_TOKEN *token = slot->token;
	if (!token)
		return false;
	if (wanted->has_slot)
		return PKCS11_get_slotid_from_slot(slot) == wanted->slot;
	if (wanted->label)
		return token->label && strcmp(token->label, wanted->label) == 0;
	return token->serialnr && strcmp(token->serialnr, wanted->serial) == 0;
}

static error *choose(struct token *token, const struct token_config *wanted)
{
	size_t found = 0;
	for (unsigned i = 0; i < token->slot_count; i++) {
		if (!is_wanted(&token->slots[i], wanted))
			continue;
		token->slot = &token->slots[i];
		found++;
	}
	if (found == 1)
		return NULL;
	char slot[32];
	snprintf(slot, sizeof slot, "in slot %lu", wanted->slot);
	return error_new(found ? ERROR_CONFLICT : ERROR_NOT_FOUND, "the PKCS#11 module has %s token %s%s",
			 found ? "more than one" : "no",
			 wanted->has_slot ? slot : wanted->label ? "with the label " : "with the serial ",
			 wanted->has_slot ? "" : wanted->label ? wanted->label : wanted->serial);
}

static error *ask_pin(const PKCS11_TOKEN *token, struct secret *ret)
{
	char question[96];
	if (token->userPinFinalTry)
		say_warning("one more wrong PIN locks the token");
	snprintf(question, sizeof question, "PIN of token %.48s: ", token->label ? token->label : "");
	TRY(prompt_secret(question, "give the PIN as \"Pin\" or \"PinFile\" in the file of --pkcs11-config",
			  ret));
	return NULL;
}

static error *login(struct token *token, struct token_config *config)
{
	const PKCS11_TOKEN *found = token->slot->token;
	CLEANUP(secret_free) struct secret pin = { 0 };
	char text[PROMPT_MAX] = { 0 };
	if (config->no_login || !found->loginRequired)
		return NULL;
	if (found->userPinLocked)
		return error_new(ERROR_DENIED, "the token's PIN is locked after too many wrong ones");
	if (config->has_pin)
		pin = secret_take(&config->pin);
	else if (!found->secureLogin)
		TRY(ask_pin(found, &pin));
	if (pin.size)
		memcpy(text, pin.data, pin.size < sizeof text ? pin.size : sizeof text - 1);
	/* A token with its own keys to type the PIN gets none from us. Never tried twice: a token counts. */
	bool good = PKCS11_login(token->slot, 0, pin.data ? text : NULL) == 0;
	explicit_bzero(text, sizeof text);
	return good ? NULL : failed(ERROR_UNAUTHENTICATED, "logging in to the token");
}

error *token_open(const char *config_path, struct token **ret)
{
	CLEANUP(token_config_free) struct token_config config = { 0 };
	TRY(token_config_load(config_path, &config));
	CLEANUP(token_close) struct token *token = calloc(1, sizeof *token);
	TRY_ALLOC(token);
	TRY(load(token, config.module));
	TRY_CTX(choose(token, &config), "%s", config_path);
	TRY_CTX(login(token, &config), "%s", config_path);
	*ret = TAKE(token);
	return NULL;
}

/* The documentation's tools show IDs in hexadecimal; the public command line takes them as text. */
static bool is_id(bytes id, const char *text)
{
	CLEANUP(blob_free) struct blob raw = { 0 };
	if (bytes_equal_string(id, text))
		return true;
	error *e = hex_decode(bytes_of_string(text), "ID", &raw);
	error_free(e);
	return !e && bytes_equal(id, blob_view(&raw));
}

static bool is_named(bytes id, const char *label, struct token_name name)
{
	if (name.id && !is_id(id, name.id))
		return false;
	return !name.label || (label && strcmp(label, name.label) == 0);
}

static error *wrong_number(const char *what, struct token_name name, size_t found)
{
	return error_new(found ? ERROR_CONFLICT : ERROR_NOT_FOUND, "the token has %s %s with%s%s%s%s",
			 found ? "more than one" : "no", what, name.id ? " the ID " : "",
			 name.id ? name.id : "", name.label ? " the label " : "",
			 name.label ? name.label : "");
}

error *token_private_key(struct token *token, struct token_name name, EVP_PKEY **ret)
{
	PKCS11_KEY *keys, *chosen = NULL;
	unsigned count;
	size_t found = 0;
	if (PKCS11_enumerate_keys(token->slot->token, &keys, &count) != 0)
		return failed(ERROR_UNAVAILABLE, "listing the token's private keys");
	for (unsigned i = 0; i < count; i++) {
		if (!is_named(bytes_of(keys[i].id, keys[i].id_len), keys[i].label, name))
			continue;
		chosen = &keys[i];
		found++;
	}
	if (found != 1)
		return wrong_number("private key", name, found);
	EVP_PKEY *key = PKCS11_get_private_key(chosen);
	if (!key)
		return failed(ERROR_UNSUPPORTED, "using the token's key, which must be RSA or EC and have its "
						 "public key beside it");
	*ret = key;
	return NULL;
}

error *token_certificate(struct token *token, struct token_name name, X509 **ret)
{
	PKCS11_CERT *certificates, *chosen = NULL;
	unsigned count;
	size_t found = 0;
	if (PKCS11_enumerate_certs(token->slot->token, &certificates, &count) != 0)
		return failed(ERROR_UNAVAILABLE, "listing the token's certificates");
	for (unsigned i = 0; i < count; i++) {
		if (!is_named(bytes_of(certificates[i].id, certificates[i].id_len), certificates[i].label,
			      name))
			continue;
		chosen = &certificates[i];
		found++;
	}
	if (found != 1)
		return wrong_number("certificate", name, found);
	if (!chosen->x509 || !X509_up_ref(chosen->x509))
		return error_new(ERROR_INVALID, "the token's certificate can't be read");
	*ret = chosen->x509;
	return NULL;
}
