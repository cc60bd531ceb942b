/* The extensions of a VCEK or VLEK certificate. */
#pragma once
#include "attest/snp/endorsement.h"

/* Reads TCB and HWID into `leaf`, whose `vlek` is known; checks them against the product. */
error *snp_leaf_read(const X509 *certificate, const struct snp_product *product,
		     struct snp_leaf *leaf) MUST_USE;
