/* The certificates behind a SEV-SNP report: VCEK or VLEK, ASK or ASVK, ARK, and the CRL. AMD document
 * 57230, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification". */
#pragma once
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"
#include "marblerun/verify.h"

struct snp_product {
	const char *name;               /* "Milan" */
	const char *ark_name, *ask_name, *asvk_name; /* common names */
	uint8_t ark_key_digest[32];     /* SHA-256 of the ARK's SubjectPublicKeyInfo */
	bool turin_layout;
	size_t chip_id_size;            /* bytes of HWID and CHIP_ID in use */
};

/* What the leaf says of the chip. */
struct snp_leaf {
	X509 *certificate;
	bool vlek;
	struct marblerun_snp_tcb tcb;
	uint8_t hwid[64];
	size_t hwid_size; /* 0: a VLEK has none */
};
struct snp_chain {
	const struct snp_product *product;
	struct snp_leaf leaf;
	X509 *intermediate, *root;
	int64_t valid_from, valid_until;
};
void snp_chain_free(struct snp_chain *chain);
DEFINE_CLEANUP_IN_PLACE(snp_chain_free, struct snp_chain)

/* "Milan", …: the product of which a VCEK or VLEK says it is, by its issuer's name. Nothing is verified. */
error *snp_leaf_product(bytes leaf, const char **ret) MUST_USE;
/* Reads and verifies leaf ← ASK/ASVK ← ARK ← pinned key, dates, names, CRL when one is given, and the
 * leaf's extensions. `*step` is the step that failed. */
error *snp_chain_verify(const struct marblerun_collateral *from, int64_t at, struct snp_chain *ret,
			enum marblerun_step *step) MUST_USE;
