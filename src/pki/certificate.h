/* X.509 certificates and requests (RFC 5280, RFC 2986). */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/blob.h"
#include "base/error.h"
#include "base/writer.h"

DEFINE_CLEANUP(X509_free, X509 *)

/* Subject alternative names, as from EDG_COORDINATOR_DNS_NAMES or a CSR. */
struct san_list {
	struct san {
		bool is_ip;
		char *name;     /* a DNS name */
		uint8_t ip[16]; /* an address: 4 or 16 bytes */
		size_t ip_size;
	} *items;
	size_t count;
};
enum { SAN_MAX = 100, SAN_NAME_MAX = 253 };
/* Adds one from text: an IP address when it parses as one, else a DNS name. Refuses control
 * characters, blanks, NULs, and more than SAN_MAX or SAN_NAME_MAX. Repeated names are kept once. */
error *san_add(struct san_list *list, bytes text) MUST_USE;
/* Adds a comma-separated list; blanks around names are dropped, empty parts skipped. */
error *san_add_list(struct san_list *list, const char *text) MUST_USE;
void san_free(struct san_list *list);
DEFINE_CLEANUP_IN_PLACE(san_free, struct san_list)

enum { CERTIFICATE_DER_MAX = 64 << 10, REQUEST_DER_MAX = 64 << 10 }; /* bytes */
error *certificate_of_der(bytes der, X509 **ret) MUST_USE;
error *certificate_of_pem(bytes pem, const char *what, X509 **ret) MUST_USE; /* the first block */
error *certificate_der(const X509 *certificate, struct blob *ret) MUST_USE;
error *certificate_write_pem(struct writer *w, const X509 *certificate) MUST_USE;

/* A PKCS#10 request whose signature verifies; only its names (DNS and IP) are of interest. Keys:
 * RSA to 16384 bits, ECDSA on NIST curves, Ed25519, Ed448; digests: SHA-2. */
error *request_names(bytes der, struct san_list *ret) MUST_USE;
