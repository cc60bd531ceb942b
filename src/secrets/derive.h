/* Per-marble symmetric keys: the same marble with the same UUID gets the same key. */
#pragma once
#include "secrets/secret_value.h"

/* HKDF-SHA-256 (RFC 5869): ikm = root secret, salt = uuid text ‖ secret name, info = marble type,
 * empty when it disables secret binding. */
error *secret_derive(const struct secret_definition *definition, bytes root_secret, const char *uuid,
		     const char *marble_type, struct secret_value *ret) MUST_USE;
