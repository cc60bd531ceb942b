/* What people put into a manifest to be known by. */
#pragma once
#include "manifest/decode.h"

/* The first certificate of a PEM text, as DER. What it says and how long it is valid do not matter:
 * its bytes are the user. A text with any block that is no certificate is refused: it may be a key. */
error *certificate_decode(const char *pem, const struct place *at, struct arena *arena,
			  struct blob *ret) MUST_USE;
/* One RSA key of RECOVERY_KEY_BITS_MIN to RECOVERY_KEY_BITS_MAX in a "PUBLIC KEY" block. */
enum { RECOVERY_KEY_BITS_MIN = 2048, RECOVERY_KEY_BITS_MAX = 16384 };
error *recovery_key_check(const char *pem, const struct place *at) MUST_USE;
