/* Base64 (RFC 4648 section 4) and base64url without padding (section 5). */
#pragma once
#include "base/blob.h"
#include "base/secret.h"

void write_base64(struct writer *w, bytes raw);
void write_base64url(struct writer *w, bytes raw);
/* Padded standard alphabet; CR and LF are skipped, as Go's decoder does; anything else is refused,
 * as are bits that no encoder would have set. */
error *base64_decode(bytes text, const char *what, struct blob *ret) MUST_USE;
error *base64_decode_secret(bytes text, const char *what, struct secret *ret) MUST_USE;
/* URL alphabet, padding optional. */
error *base64url_decode(bytes text, const char *what, struct blob *ret) MUST_USE;
