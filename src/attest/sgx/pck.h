/* What a PCK certificate says of its platform: extension 1.2.840.113741.1.13.1. */
#pragma once
#include <openssl/x509.h>

#include "base/error.h"

struct pck {
	uint8_t ppid[16], cpu_svn[16], component_svn[16];
	uint16_t pce_svn, pce_id;
	uint8_t fmspc[6];
};
error *pck_read(const X509 *certificate, struct pck *ret) MUST_USE;
