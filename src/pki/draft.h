/* A certificate in the making (RFC 5280): gets its names and extensions, then a signature. Shared by
 * the authority's own certificates, those of marbles and those of secrets. */
#pragma once
#include <openssl/x509v3.h>

#include "pki/certificate.h"

DEFINE_CLEANUP(GENERAL_NAMES_free, GENERAL_NAMES *)
DEFINE_CLEANUP(EXTENDED_KEY_USAGE_free, EXTENDED_KEY_USAGE *)

/* Certificates are valid from an hour before their making: the peer that checks one, right after
 * the coordinator made it, has a clock of its own, and both are set by hosts. An hour also covers a
 * host that keeps its clock in the wrong zone by one; it costs nothing, as the key did not exist
 * before. */
enum { CLOCK_TOLERANCE_S = 3600 };
/* The end of the year 9999: no date of a certificate is later (RFC 5280 section 4.1.2.5). */
static const int64_t last_encodable_second = 253402300799;

/* KeyUsage as a set; bit numbers of RFC 5280 section 4.2.1.3, which Go's x509.KeyUsage shares. */
enum key_usage {
	USAGE_DIGITAL_SIGNATURE = 1 << 0,
	USAGE_KEY_AGREEMENT = 1 << 4,
	USAGE_CERT_SIGN = 1 << 5,
	USAGE_ALL = (1 << 9) - 1,
};

/* Parts of TBSCertificate, encoded. */
struct draft {
	struct writer validity, subject, public_key, extensions;
	uint8_t key_id[20]; /* of the public key: RFC 7093 section 2, method 1 */
	bool has_subject_key_id;
};
void draft_free(struct draft *draft);
DEFINE_CLEANUP_IN_PLACE(draft_free, struct draft)

/* `not_before` and `not_after` in seconds since 1970. */
error *draft_init(struct draft *draft, EVP_PKEY *key, int64_t not_before, int64_t not_after) MUST_USE;
/* The subject: a CN alone, 1 to 64 characters of ASCII; or a whole name. */
error *draft_common_name(struct draft *draft, const char *name) MUST_USE;
error *draft_subject(struct draft *draft, const X509_NAME *name) MUST_USE;

/* `value`: OpenSSL's structure for the extension. */
error *draft_add(struct draft *draft, int nid, bool critical, const void *value) MUST_USE;
/* `content`: of extnValue. */
void draft_add_bytes(struct draft *draft, const ASN1_OBJECT *type, bool critical, bytes content);
error *draft_add_key_usage(struct draft *draft, unsigned usage) MUST_USE;
/* `path_length` -1: unlimited. */
error *draft_add_constraints(struct draft *draft, bool is_ca, long path_length) MUST_USE;
/* serverAuth and clientAuth. */
error *draft_add_tls_purposes(struct draft *draft) MUST_USE;
/* Without it, draft_sign puts in one made from the key. */
void draft_add_subject_key_id(struct draft *draft, bytes id);

/* Sets a new GENERAL_NAME: IA5String kinds (DNS, e-mail, URI) and GEN_IPADD. */
error *general_name_set(GENERAL_NAME *name, int kind, bytes content) MUST_USE;
/* Pushes one to `names`. */
error *general_name_push(GENERAL_NAMES *names, int kind, bytes content) MUST_USE;
error *general_names_of(const struct san_list *list, GENERAL_NAMES **ret) MUST_USE;
/* 127.0.0.1 and ::1, unless they are there. */
error *general_names_add_loopback(GENERAL_NAMES *names) MUST_USE;

/* Puts in serial number, issuer and authority key identifier, signs. `issuer` NULL: signs itself,
 * which needs no authority key identifier (section 4.2.1.1). `issuer_key`: on a NIST curve.
 * `digest` NULL: the one that fits `issuer_key`. *ret: DER. */
error *draft_sign(struct draft *draft, X509 *issuer, EVP_PKEY *issuer_key, const EVP_MD *digest,
		  struct blob *ret) MUST_USE;
