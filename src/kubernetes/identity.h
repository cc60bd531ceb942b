/* Certificates and keys as kubeconfigs and plugins give them: PEM. */
#pragma once
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"

struct kube_identity {
	X509 *certificate;
	STACK_OF(X509) *issuers;
	EVP_PKEY *key;
};
void kube_identity_free(struct kube_identity *identity);
DEFINE_CLEANUP_IN_PLACE(kube_identity_free, struct kube_identity)
/* The first certificate is ours and must fit the key; those behind it are its issuers. */
error *kube_identity_read(bytes certificates, bytes key, const char *what, struct kube_identity *ret) MUST_USE;
/* At least one certificate. As with Go, an intermediate may be trusted as such. */
error *kube_authorities_read(bytes pem, const char *what, X509_STORE **ret) MUST_USE;
