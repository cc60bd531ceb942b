/* The file that tells where a PKCS#11 token is: JSON with the names of the public documentation. */
#pragma once
#include "base/secret.h"

struct token_config {
	char *module;         /* absolute path of the shared library */
	char *label, *serial; /* either, or has_slot */
	bool has_slot;
	unsigned long slot;
	bool has_pin;
	struct secret pin;
	bool no_login;
};
/* `what` names the text in messages. */
error *token_config_parse(bytes text, const char *what, struct token_config *ret) MUST_USE;
error *token_config_load(const char *path, struct token_config *ret) MUST_USE;
void token_config_free(struct token_config *config);
DEFINE_CLEANUP_IN_PLACE(token_config_free, struct token_config)
