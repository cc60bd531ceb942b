/* A certificate from outside: as DER, and the same bytes as PEM and as a list of names. */
#include <openssl/err.h>

#include "pki/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(X509_free) X509 *of_der = NULL;
	CLEANUP(X509_free) X509 *of_pem = NULL;
	CLEANUP(san_free) struct san_list names = { 0 };
	CLEANUP(blob_free) struct blob again = { 0 };
	CLEANUP(error_free) error *der = certificate_of_der(bytes_of(data, size), &of_der);
	CLEANUP(error_free) error *pem = certificate_of_pem(bytes_of(data, size), "input", &of_pem);
	CLEANUP(error_free) error *name = san_add(&names, bytes_of(data, size));
	if (!der != !!of_der || !pem != !!of_pem || !name != !!names.count)
		abort();
	if (of_der) {
		CLEANUP(error_free) error *e = certificate_der(of_der, &again);
		if (e)
			abort();
	}
	if (ERR_peek_error())
		abort();
	return 0;
}
