/* Makes the values of secrets. */
#pragma once
#include "pki/ca.h"
#include "secrets/secret_value.h"

/* Bits of a symmetric key: what can be derived for a marble, and what is made at random. */
enum { DERIVED_BITS_MAX = 255 * 32 * 8, SYMMETRIC_BITS_MAX = 64 * 1024 * 8 };

/* Does making it take long (RSA), so that it must not run where requests wait? */
bool secret_is_slow(const struct secret_definition *definition);
/* Anything but a per-marble symmetric key: random key, or key and certificate signed by the
 * intermediate as marble root, with Go's x509.Certificate template and the defaults of the public
 * contract. Not for user-defined secrets. */
error *secret_generate(const struct secret_definition *definition, const struct ca *ca, int64_t now,
		       struct secret_value *ret) MUST_USE;
/* Refuses a definition that secret_generate could not carry out: sizes, "Cert" fields (unknown,
 * unsupported, wrong type), without making a key. For the manifest's check. */
error *secret_definition_check(const struct secret_definition *definition) MUST_USE;
