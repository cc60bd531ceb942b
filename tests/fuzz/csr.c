/* A certificate request from a marble that is not yet known to be one. */
#include <openssl/ec.h>
#include <openssl/err.h>

#include "pki/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

DEFINE_CLEANUP(X509_REQ_free, X509_REQ *)

static void read_names(bytes der)
{
	CLEANUP(san_free) struct san_list names = { 0 };
	CLEANUP(error_free) error *e = request_names(der, &names);
	/* What is accepted holds the limits, so that a certificate can be made of it. */
	if ((e && names.items) || names.count > SAN_MAX)
		abort();
	for (size_t i = 0; i < names.count; i++)
		if (!names.items[i].is_ip && strlen(names.items[i].name) > SAN_NAME_MAX)
			abort();
}

/* The input as the requested extensions, properly signed: no mutation of a whole request gets
 * behind its signature. */
static void read_signed_names(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	unsigned char *der = NULL;
	if (!key && !(key = EVP_EC_gen("P-256")))
		abort();
	CLEANUP(X509_REQ_free) X509_REQ *request = X509_REQ_new();
	/* OpenSSL reads what it adds: it refuses what is no TLV at all. */
	if (X509_REQ_set_pubkey(request, key) &&
	    X509_REQ_add1_attr_by_NID(request, NID_ext_req, V_ASN1_SEQUENCE, data, (int)size) &&
	    X509_REQ_sign(request, key, EVP_sha256())) {
		int total = i2d_X509_REQ(request, &der);
		read_names(bytes_of(der, (size_t)total));
	}
	ERR_clear_error();
	OPENSSL_free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_names(bytes_of(data, size));
	if (size && size < 32 << 10)
		read_signed_names(data, size);
	return 0;
}
