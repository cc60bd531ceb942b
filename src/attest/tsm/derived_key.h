/* Keys that AMD's secure processor derives for a guest: AMD document 56860, MSG_KEY_REQ; Linux's
 * /dev/sev-guest. */
#pragma once
#include "attest/kernel.h"

enum { SNP_DERIVED_KEY_SIZE = 32 };

/* The key of this chip (root: its VCEK, or the VLEK that was loaded) for this guest's policy, launch
 * measurement and privilege level. Another guest, also one with the same name or signer, gets another. */
error *snp_derived_key(const struct kernel *kernel, uint32_t vmpl, struct secret *ret) MUST_USE;
