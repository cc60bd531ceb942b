/* The certificates and CRLs that Intel would issue for the simulated platform. */
#pragma once
#include "attest/sim/documents.h"

/* Makes all keys, certificates and CRLs, and writes them. Gives the TCB signer's key. */
error *sim_write_certificates(const char *folder, struct sim_validity validity, EVP_PKEY **ret_signer) MUST_USE;
