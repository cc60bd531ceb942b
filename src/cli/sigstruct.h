/* SIGSTRUCT: what the author of an SGX enclave signed (Intel SDM volume 3D, section 34.14, "Enclave
 * Signature Structure"). */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

enum { SIGSTRUCT_SIZE = 1808 };

struct package_properties {
	uint8_t unique_id[32]; /* ENCLAVEHASH */
	uint8_t signer_id[32]; /* SHA-256 of the MODULUS */
	uint16_t product_id, security_version;
	bool debug;
	bool signed_well; /* the signature verifies */
};

/* Finds the structure in a section or file by its two headers. ERROR_NOT_FOUND when there is none,
 * ERROR_INVALID when it is cut off. */
error *sigstruct_find(bytes in, struct package_properties *ret) MUST_USE;
