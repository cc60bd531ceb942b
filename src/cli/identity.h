/* Who runs the command: a certificate and its private key, or a recovery key; from PEM files or a
 * PKCS#11 token. */
#pragma once
#include "cli/flags.h"
#include "cli/token.h"

struct identity {
	X509 *certificate; /* NULL of a recovery key */
	EVP_PKEY *key;
	struct token *token; /* where the key is; NULL: in a file */
};
void identity_close(struct identity *who);
DEFINE_CLEANUP_IN_PLACE(identity_close, struct identity)

#define IDENTITY_FLAGS                                                                                     \
	FLAG_CERT, FLAG_KEY, FLAG_PKCS11_CONFIG, FLAG_PKCS11_KEY_ID, FLAG_PKCS11_KEY_LABEL,                \
		FLAG_PKCS11_CERT_ID, FLAG_PKCS11_CERT_LABEL
#define RECOVERY_KEY_FLAGS                                                                                 \
	FLAG_RECOVERY_KEY, FLAG_PKCS11_CONFIG, FLAG_PKCS11_KEY_ID, FLAG_PKCS11_KEY_LABEL

/* For struct command's check. */
error *identity_check(const struct flag_values *flags) MUST_USE;
error *recovery_key_given(const struct flag_values *flags) MUST_USE;
/* The same, but none is fine, too. */
error *recovery_key_optional(const struct flag_values *flags) MUST_USE;

/* A user: --cert and --key, or the token's (its certificate may be in a file). Refuses a key that is
 * not the certificate's. */
error *identity_open(const struct flag_values *flags, struct identity *ret) MUST_USE;
/* An RSA key; with neither --key nor --pkcs11-config an identity without one. */
error *recovery_key_open(const struct flag_values *flags, struct identity *ret) MUST_USE;
