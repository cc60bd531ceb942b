/* What a manifest asks of a secret's certificate: the "Cert" object, which has the fields of Go's
 * x509.Certificate, and the defaults of the public contract. */
#pragma once
#include <stdint.h>

#include "codec/json.h"
#include "pki/draft.h"

DEFINE_CLEANUP(NAME_CONSTRAINTS_free, NAME_CONSTRAINTS *)
DEFINE_CLEANUP(X509_NAME_free, X509_NAME *)

struct profile {
	X509_NAME *subject;
	struct san_list names;            /* DNS names and addresses */
	GENERAL_NAMES *emails;
	bool has_dns_names, has_addresses; /* given, be it as an empty list */
	unsigned key_usage;               /* 0: not given */
	EXTENDED_KEY_USAGE *purposes;
	bool has_purposes;
	bool is_ca, max_path_is_zero;
	int64_t max_path;
	struct blob subject_key_id;
	AUTHORITY_INFO_ACCESS *access;
	CRL_DIST_POINTS *revocation_lists;
	CERTIFICATEPOLICIES *policies;
	NAME_CONSTRAINTS *constraints;
	bool constraints_critical;
	const EVP_MD *digest; /* NULL: as fits the signing key */
	bool has_not_after;
	int64_t not_after; /* seconds since 1970 */
};

/* `cert` NULL: all defaults. A refusal names the field and what was expected. */
error *profile_parse(json_t *cert, struct profile *ret) MUST_USE;
void profile_free(struct profile *profile);
DEFINE_CLEANUP_IN_PLACE(profile_free, struct profile)
/* Puts subject and extensions into a certificate. */
error *profile_apply(const struct profile *profile, struct draft *draft) MUST_USE;
