#include "marble/identity.h"

#include <openssl/ec.h>

#include "base/random.h"
#include "marble/names.h"
#include "net/tls_chain.h"

enum { VALID_BEFORE_S = 86400, VALID_AFTER_S = 10 * 365 * 86400, SERIAL_SIZE = 16 };

static void request_free(X509_REQ *request)
{
	X509_REQ_free(request);
}
DEFINE_CLEANUP(request_free, X509_REQ *)

static error *set_serial(X509 *certificate)
{
	uint8_t serial[SERIAL_SIZE];
	TRY(random_fill(serial, sizeof serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, never zero (RFC 5280, 4.1.2.2) */
	BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
	bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return set ? NULL : error_no_memory();
}

static error *self_signed(EVP_PKEY *key, int64_t now, X509 **ret)
{
	static const unsigned char name[] = "MarbleRun Marble";
	CLEANUP(X509_free) X509 *certificate = X509_new();
	TRY_ALLOC(certificate);
	X509_NAME *subject = X509_get_subject_name(certificate);
	TRY(set_serial(certificate));
	/* The clock is the host's: nobody looks at these dates, the evidence is what counts. */
	if (!X509_set_version(certificate, X509_VERSION_3) ||
	    !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) ||
	    !X509_set_issuer_name(certificate, subject) ||
	    !ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now - VALID_BEFORE_S)) ||
	    !ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(now + VALID_AFTER_S)) ||
	    !X509_set_pubkey(certificate, key) || !X509_sign(certificate, key, EVP_sha256()))
		return error_new(ERROR_INTERNAL, "making the marble's certificate");
	*ret = TAKE(certificate);
	return NULL;
}

static bool add_names(X509_REQ *request, GENERAL_NAMES *names)
{
	if (sk_GENERAL_NAME_num(names) == 0)
		return true;
	X509_EXTENSION *extension = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	bool added = extension && all && sk_X509_EXTENSION_push(all, extension) &&
		     X509_REQ_add_extensions(request, all);
	sk_X509_EXTENSION_free(all);
	X509_EXTENSION_free(extension);
	return added;
}

static error *make_request(EVP_PKEY *key, const char *names_text, struct blob *ret)
{
	CLEANUP(general_names_free) GENERAL_NAMES *names = NULL;
	CLEANUP(request_free) X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	TRY_ALLOC(request);
	TRY(names_parse(names_text, &names));
	if (!X509_REQ_set_version(request, X509_REQ_VERSION_1) || !X509_REQ_set_pubkey(request, key) ||
	    !add_names(request, names) || !X509_REQ_sign(request, key, EVP_sha256()))
		return error_new(ERROR_INTERNAL, "making the certificate request");
	int size = i2d_X509_REQ(request, &der);
	if (size <= 0)
		return error_no_memory();
	error *e = blob_copy(bytes_of(der, (size_t)size), ret);
	OPENSSL_free(der);
	return e;
}

error *identity_create(const char *names, int64_t now, struct identity *ret)
{
	CLEANUP(identity_free) struct identity made = { .key = EVP_EC_gen("P-256") };
	if (!made.key)
		return error_new(ERROR_INTERNAL, "making the marble's key");
	TRY(make_request(made.key, names, &made.request));
	TRY(self_signed(made.key, now, &made.certificate));
	TRY(tls_certificate_der(made.certificate, &made.certificate_der));
	*ret = made;
	made = (struct identity){ 0 };
	return NULL;
}

void identity_free(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	blob_free(&identity->certificate_der);
	blob_free(&identity->request);
	*identity = (struct identity){ 0 };
}
