#include "attest/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "codec/hex.h"

enum { CRL_SIZE_MAX = 4 << 20 };

static bytes trim(bytes text)
{
	while (text.size && (text.data[text.size - 1] == 0 || text.data[text.size - 1] == '\n' ||
			     text.data[text.size - 1] == '\r' || text.data[text.size - 1] == ' '))
		text.size--;
	return text;
}

/* Intel's libraries hand CRLs around with a NUL at the end. Trimming comes after parsing: the signature, which is
 * the last of the CRL, may end in such a byte itself. */
static X509_CRL *read_der(bytes der)
{
	const unsigned char *at = der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
	if (crl && trim(bytes_slice(der, (size_t)(at - der.data), SIZE_MAX)).size) {
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

static X509_CRL *read_hex(bytes hex, const char *what)
{
	CLEANUP(blob_free) struct blob raw = { 0 };
	error *e = hex_decode(trim(hex), what, &raw);
	X509_CRL *crl = e ? NULL : read_der(blob_view(&raw));
	error_free(e);
	return crl;
}

error *crl_read(bytes from, const char *what, X509_CRL **ret)
{
	X509_CRL *crl;
	if (!from.size || from.size > CRL_SIZE_MAX)
		return error_new(ERROR_INVALID, "the %s is missing or too large", what);
	crl = read_der(from);
	if (!crl)
		crl = read_hex(from, what);
	if (!crl)
		crl = read_pem(from);
	ERR_clear_error();
	if (!crl)
		return error_new(ERROR_INVALID, "the %s is no CRL in DER, PEM or hex", what);
	*ret = crl;
	return NULL;
}
