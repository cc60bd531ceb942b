/* Name constraints (RFC 5280 section 4.2.1.10) as Go's x509.Certificate says them. */
#pragma once
#include <openssl/x509v3.h>

#include "codec/json.h"

enum { CONSTRAINT_EXCLUDED = 1 << 8 };
/* Adds an array of them. `kind`: GEN_DNS, GEN_EMAIL, GEN_URI (texts) or GEN_IPADD (Go's net.IPNet),
 * with CONSTRAINT_EXCLUDED for names that are forbidden rather than allowed. */
error *constraints_read(json_t *value, int kind, NAME_CONSTRAINTS *to) MUST_USE;
/* An IP address in text: 4 or 16 bytes. */
error *address_read(const json_t *value, uint8_t address[16], size_t *size) MUST_USE;
