#include <openssl/err.h>

#include "attest/crl.h"
#include "attest/sgx/chain.h"

error *crl_check(bytes from, X509 *issuer, X509 *certificate, int64_t at, struct window *window,
		 const char *what)
{
	CLEANUP_CRL X509_CRL *crl = NULL;
	X509_REVOKED *entry;
	int64_t first, last;
	TRY(crl_read(from, what, &crl));
	bool good = X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
		    X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1;
	ERR_clear_error();
	if (!good)
		return error_new(ERROR_DENIED, "the %s is not signed by the issuer of the certificate", what);
	TRY(time_of_asn1(X509_CRL_get0_lastUpdate(crl), what, &first));
	TRY(time_of_asn1(X509_CRL_get0_nextUpdate(crl), what, &last));
	TRY(window_narrow(window, first, last, at, what));
	if (X509_CRL_get0_by_cert(crl, &entry, certificate) != 0)
		return error_new(ERROR_DENIED, "the %s lists a certificate of the chain as revoked", what);
	return NULL;
}
