#include <openssl/err.h>
#include <openssl/pem.h>

#include "attest/sgx/chain.h"
#include "codec/hex.h"

enum { CRL_SIZE_MAX = 4 << 20 };

static inline void crl_free_cleanup(X509_CRL **owned)
{
	X509_CRL_free(*owned);
}

static bytes trim(bytes text)
{
	while (text.size && (text.data[text.size - 1] == 0 || text.data[text.size - 1] == '\n' ||
			     text.data[text.size - 1] == '\r' || text.data[text.size - 1] == ' '))
		text.size--;
	return text;
}

static X509_CRL *read_der(bytes der)
{
	const unsigned char *at = der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
	if (crl && at != der.data + der.size) {
		X509_CRL_free(crl);
		crl = NULL;
	}
	return crl;
}

static X509_CRL *read_pem(bytes pem)
{
	BIO *text = BIO_new_mem_buf(pem.data, (int)pem.size);
	X509_CRL *crl = text ? PEM_read_bio_X509_CRL(text, NULL, NULL, NULL) : NULL;
	BIO_free(text);
	return crl;
}

/* PCS gives DER, PCCS hex, files PEM; some add a NUL. DER begins with a SEQUENCE. */
static error *read_crl(bytes from, const char *what, X509_CRL **ret)
{
	CLEANUP(blob_free) struct blob raw = { 0 };
	X509_CRL *crl = NULL;
	if (!from.size || from.size > CRL_SIZE_MAX)
		return error_new(ERROR_INVALID, "the %s is missing or too large", what);
	if (from.data[0] == 0x30 && (from.size < 2 || from.data[1] != '8'))
		crl = read_der(from);
	if (!crl && from.data[0] == '-')
		crl = read_pem(from);
	error *e = crl ? NULL : hex_decode(trim(from), what, &raw);
	if (!crl && !e)
		crl = read_der(blob_view(&raw));
	error_free(e);
	ERR_clear_error();
	if (!crl)
		return error_new(ERROR_INVALID, "the %s is no CRL in DER, PEM or hex", what);
	*ret = crl;
	return NULL;
}

error *crl_check(bytes from, X509 *issuer, X509 *certificate, int64_t at, struct window *window,
		 const char *what)
{
	__attribute__((cleanup(crl_free_cleanup))) X509_CRL *crl = NULL;
	X509_REVOKED *entry;
	int64_t first, last;
	TRY(read_crl(from, what, &crl));
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
