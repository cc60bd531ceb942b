/* Chains of certificates as PEM text. */
#pragma once
#include <openssl/x509.h>

#include "base/blob.h"
#include "base/error.h"

DEFINE_CLEANUP(X509_free, X509 *)

enum { TLS_CHAIN_MAX = 16 };
/* Exactly `count` (at most TLS_CHAIN_MAX) certificates into ret[0..count-1], owned by the caller;
 * `what` names the text in messages. `ret` is untouched on failure. */
error *tls_chain_of_pem(bytes pem, const char *what, size_t count, X509 **ret) MUST_USE;
/* DER of a certificate. */
error *tls_certificate_der(const X509 *certificate, struct blob *ret) MUST_USE;
