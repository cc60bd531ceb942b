/* A PKCS#11 token: keys that sign and decrypt there, and never leave it. */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/error.h"

struct token;
/* Loads the module that the file names, and logs in to the token; asks for the PIN when the file has
 * none. */
error *token_open(const char *config_path, struct token **ret) MUST_USE;
/* Keys and certificates end before their token. Accepts NULL. */
void token_close(struct token *token);
DEFINE_CLEANUP(token_close, struct token *)

/* What is looked for; NULL: not by this. An ID is matched as text, or as hexadecimal bytes. */
struct token_name {
	const char *id, *label;
};
/* Refuses when nothing or more than one fits. The caller owns what is returned. */
error *token_private_key(struct token *token, struct token_name name, EVP_PKEY **ret) MUST_USE;
error *token_certificate(struct token *token, struct token_name name, X509 **ret) MUST_USE;
