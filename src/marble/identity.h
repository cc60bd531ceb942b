/* Who a marble is before it is anybody: a fresh key, a certificate for the connection to the
 * coordinator, a request for the certificate that the coordinator issues. */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/blob.h"
#include "base/error.h"

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
	struct blob certificate_der;
	struct blob request; /* PKCS#10 DER */
};

/* The names are for the request only: the certificate, which the coordinator's side sees before the
 * coordinator is verified, says nothing about the marble. `now` in seconds since 1970. */
error *identity_create(const char *names, int64_t now, struct identity *ret) MUST_USE;
void identity_free(struct identity *identity);
DEFINE_CLEANUP_IN_PLACE(identity_free, struct identity)
