/* Certificate revocation lists as they are handed around. */
#pragma once
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"

static inline void crl_free_cleanup(X509_CRL **owned)
{
	X509_CRL_free(*owned);
}
/* CLEANUP_CRL X509_CRL *crl = NULL; */
#define CLEANUP_CRL __attribute__((cleanup(crl_free_cleanup)))

/* Reads a CRL: DER, PEM (text before it is skipped) or hex of DER; NULs and blanks at the end are dropped, but
 * nothing else may follow DER. ERROR_INVALID naming `what`. */
error *crl_read(bytes from, const char *what, X509_CRL **ret) MUST_USE;
