#include "pki/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "codec/pem.h"
#include "pki/openssl_error.h"

error *certificate_of_der(bytes der, X509 **ret)
{
	if (der.size > CERTIFICATE_DER_MAX)
		return error_new(ERROR_TOO_LARGE, "certificate of %zu bytes: at most %d expected",
				 der.size, CERTIFICATE_DER_MAX);
	const unsigned char *at = der.data;
	CLEANUP(X509_free) X509 *certificate = der.size ? d2i_X509(NULL, &at, (long)der.size) : NULL;
	if (!certificate)
		return openssl_error(ERROR_INVALID, "not an X.509 certificate");
	if (at != der.data + der.size)
		return error_new(ERROR_INVALID, "%zu bytes behind the certificate: none expected",
				 (size_t)(der.data + der.size - at));
	/* OpenSSL decodes extensions when they are first asked for: here, before threads share the certificate. */
	(void)X509_check_purpose(certificate, -1, 0);
	ERR_clear_error();
	*ret = TAKE(certificate);
	return NULL;
}

error *certificate_of_pem(bytes pem, const char *what, X509 **ret)
{
	struct pem_walk walk = { .rest = pem };
	CLEANUP(secret_free) struct secret der = { 0 };
	char label[64];
	bool found;
	TRY(pem_next(&walk, what, &found, label, &der));
	if (!found)
		return error_new(ERROR_INVALID, "%s: no PEM block found, a CERTIFICATE expected", what);
	if (strcmp(label, "CERTIFICATE") != 0)
		return error_new(ERROR_INVALID, "%s: PEM block \"%s\" found, CERTIFICATE expected",
				 what, label);
	TRY_CTX(certificate_of_der(secret_view(&der), ret), "%s", what);
	return NULL;
}

error *certificate_der(const X509 *certificate, struct blob *ret)
{
	unsigned char *der = NULL;
	int size = i2d_X509(certificate, &der);
	if (size <= 0)
		return openssl_error(ERROR_INTERNAL, "encoding a certificate");
	error *failure = blob_copy(bytes_of(der, (size_t)size), ret);
	OPENSSL_free(der);
	return failure;
}

error *certificate_write_pem(struct writer *w, const X509 *certificate)
{
	CLEANUP(blob_free) struct blob der = { 0 };
	TRY(certificate_der(certificate, &der));
	write_pem(w, "CERTIFICATE", blob_view(&der));
	return NULL;
}
