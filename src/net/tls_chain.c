#include "net/tls_chain.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static void bio_free(BIO *bio)
{
	BIO_free(bio);
}
DEFINE_CLEANUP(bio_free, BIO *)

struct chain {
	X509 *items[TLS_CHAIN_MAX];
	size_t count;
};

static void chain_free(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->items[i]);
	chain->count = 0;
}
DEFINE_CLEANUP_IN_PLACE(chain_free, struct chain)

static error *wrong_count(const char *what, size_t found, size_t wanted)
{
	return error_new(ERROR_INVALID, "%s: %zu certificate%s in PEM found, %zu expected", what, found,
			 found == 1 ? "" : "s", wanted);
}

/* The next certificate, NULL behind the last. */
static error *next(BIO *text, const char *what, X509 **ret)
{
	/* An empty passphrase, so that an encrypted block does not make OpenSSL ask on a terminal. */
	static char no_passphrase[] = "";
	X509 *found = PEM_read_bio_X509(text, NULL, NULL, no_passphrase);
	unsigned long failure = found ? 0 : ERR_peek_last_error();
	ERR_clear_error();
	if (!found && ERR_GET_REASON(failure) != PEM_R_NO_START_LINE)
		return error_new(ERROR_INVALID, "%s: a certificate can't be parsed", what);
	*ret = found;
	return NULL;
}

error *tls_chain_of_pem(bytes pem, const char *what, size_t count, X509 **ret)
{
	CLEANUP(chain_free) struct chain chain = { 0 };
	X509 *found = NULL;
	if (!pem.size)
		return wrong_count(what, 0, count);
	if (pem.size > INT_MAX)
		return error_new(ERROR_TOO_LARGE, "%s: larger than %d bytes", what, INT_MAX);
	CLEANUP(bio_free) BIO *text = BIO_new_mem_buf(pem.data, (int)pem.size);
	TRY_ALLOC(text);
	while (chain.count <= count && chain.count < TLS_CHAIN_MAX) {
		TRY(next(text, what, &found));
		if (!found)
			break;
		chain.items[chain.count++] = found;
	}
	if (chain.count != count)
		return wrong_count(what, chain.count, count);
	memcpy(ret, chain.items, count * sizeof *ret);
	chain.count = 0;
	return NULL;
}

error *tls_certificate_der(const X509 *certificate, struct blob *ret)
{
	unsigned char *der = NULL;
	int size = i2d_X509(certificate, &der);
	if (size <= 0)
		return error_no_memory();
	error *e = blob_copy(bytes_of(der, (size_t)size), ret);
	OPENSSL_free(der);
	return e;
}
