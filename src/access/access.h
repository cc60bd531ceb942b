/* Who may do what: users of the manifest, by their certificates, and the permissions of their
 * roles. */
#pragma once
#include "manifest/model.h"

/* The user whose certificate is exactly these bytes (DER). Its dates, issuer and subject do not
 * matter: it stands for a key that the manifest names, whose owner the TLS handshake has proven.
 * ERROR_UNAUTHENTICATED when `certificate` is empty or nobody's. */
error *access_user(const struct manifest *m, bytes certificate, const struct user **ret) MUST_USE;

/* May the user do this? One action; `resource`: the package's or secret's name; ignored (may be
 * NULL) for ACTION_UPDATE_MANIFEST. Roles add up. ERROR_DENIED names the missing permission. */
error *access_check(const struct manifest *m, const struct user *user, enum action action,
		    const char *resource) MUST_USE;
