#include "endorsements/validity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "attest/crl.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "codec/timestamp.h"

static error *seconds_of(const ASN1_TIME *time, int64_t *ret)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool good = epoch && time && ASN1_TIME_diff(&days, &seconds, epoch, time);
	ASN1_TIME_free(epoch);
	if (!good)
		return error_new(ERROR_INVALID, "a time that is none");
	*ret = (int64_t)days * 86400 + seconds;
	return NULL;
}

/* {"tcbInfo" | "enclaveIdentity": {"nextUpdate": …}, "signature": …} */
static error *of_json(bytes body, int64_t *ret)
{
	CLEANUP_JSON json_t *document = NULL;
	const char *name;
	json_t *inner;
	TRY(json_parse(body, "document", &document));
	json_object_foreach(document, name, inner) {
		const char *next = json_string_value(json_object_get(inner, "nextUpdate"));
		if (next)
			return timestamp_parse(bytes_of_string(next), "nextUpdate", ret);
	}
	return error_new(ERROR_INVALID, "the document has no nextUpdate");
}

static error *of_crl(bytes body, int64_t *ret)
{
	CLEANUP_CRL X509_CRL *crl = NULL;
	TRY(crl_read(body, "document", &crl));
	return seconds_of(X509_CRL_get0_nextUpdate(crl), ret);
}

static error *of_certificate(X509 *certificate, int64_t *ret)
{
	int64_t until;
	TRY(seconds_of(X509_get0_notAfter(certificate), &until));
	if (until < *ret)
		*ret = until;
	return NULL;
}

static error *of_der(bytes body, int64_t *ret)
{
	const unsigned char *at = body.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)body.size);
	ERR_clear_error();
	if (!certificate)
		return error_new(ERROR_INVALID, "the document is no certificate");
	*ret = INT64_MAX;
	error *e = of_certificate(certificate, ret);
	X509_free(certificate);
	return e;
}

static error *of_chain(bytes body, int64_t *ret)
{
	BIO *text = BIO_new_mem_buf(body.data, (int)body.size);
	X509 *certificate;
	error *e = NULL;
	size_t count = 0;
	*ret = INT64_MAX;
	while (text && !e && (certificate = PEM_read_bio_X509(text, NULL, NULL, NULL))) {
		e = of_certificate(certificate, ret);
		X509_free(certificate);
		count++;
	}
	BIO_free(text);
	ERR_clear_error();
	return e || count ? e : error_new(ERROR_INVALID, "the document is no chain of certificates");
}

error *document_validity(enum document_kind kind, bytes body, int64_t *ret)
{
	static error *(*const by_kind[])(bytes body, int64_t *ret) = {
		[DOCUMENT_JSON] = of_json, [DOCUMENT_CRL] = of_crl, [DOCUMENT_CERTIFICATE] = of_der,
		[DOCUMENT_CHAIN] = of_chain,
	};
	if (!body.size || body.size > 4 << 20)
		return error_new(ERROR_INVALID, "a document of %zu bytes", body.size);
	return by_kind[kind](body, ret);
}

error *header_decode(bytes text, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte == '%') {
			TRY(hex_decode_into(bytes_slice(text, i + 1, 2), "header", &byte, 1));
			i += 2;
		}
		write_u8(&w, byte);
	}
	return blob_of_writer(&w, "header", ret);
}
