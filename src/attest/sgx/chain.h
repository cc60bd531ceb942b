/* Intel's certificates: PCK chains, the TCB signing chain, CRLs. Intel, "SGX PCK Certificate and
 * Certificate Revocation List Profile Specification". */
#pragma once
#include <openssl/x509.h>

#include "attest/window.h"
#include "base/bytes.h"
#include "marblerun/verify.h"

/* Roots are trusted by key: Intel issued several root certificates for one key. */
struct trusted_root {
	uint8_t key_digest[32]; /* SHA-256 of the SubjectPublicKeyInfo */
	bool simulated;
};
struct trusted_roots {
	struct trusted_root roots[4];
	size_t count;
};
/* Intel's SGX root CA. */
struct trusted_roots intel_roots(void);
/* SHA-256 of a certificate's SubjectPublicKeyInfo. */
error *certificate_key_digest(const X509 *certificate, uint8_t ret[32]) MUST_USE;

/* leaf ← (intermediate ←) root. */
struct intel_chain {
	X509 *leaf, *intermediate, *root; /* intermediate NULL in the TCB signing chain */
	bool simulated;
};
void intel_chain_free(struct intel_chain *chain);
DEFINE_CLEANUP_IN_PLACE(intel_chain_free, struct intel_chain)

/* Reads a PEM chain in any order and verifies it: a trusted root, signatures, dates, CA flags.
 * `with_intermediate` says which of the two kinds it must be. *step is the step that failed. */
error *intel_chain_verify(bytes pem, bool with_intermediate, const struct trusted_roots *roots, int64_t at,
			  struct window *window, const char *what, struct intel_chain *ret,
			  enum marblerun_step *step) MUST_USE;
/* Reads a CRL, verifies it against its issuer, and makes sure that it does not list the certificate. */
error *crl_check(bytes crl, X509 *issuer, X509 *certificate, int64_t at, struct window *window,
		 const char *what) MUST_USE;
/* ECDSA P-256 with SHA-256; signature r ‖ s. */
bool ecdsa_verify(EVP_PKEY *key, bytes message, bytes signature);
/* A P-256 public key from x ‖ y; NULL when it is no point of the curve. */
EVP_PKEY *p256_public_key(bytes point);
