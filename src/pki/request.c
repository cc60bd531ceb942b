#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "pki/openssl_error.h"
#include "pki/san.h"

enum { REQUEST_RSA_BITS_MAX = 16384 };

DEFINE_CLEANUP(X509_REQ_free, X509_REQ *)
DEFINE_CLEANUP(GENERAL_NAMES_free, GENERAL_NAMES *)

static void free_extensions(X509_EXTENSIONS *extensions)
{
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
DEFINE_CLEANUP(free_extensions, X509_EXTENSIONS *)

static error *parse(bytes der, X509_REQ **ret)
{
	if (der.size > REQUEST_DER_MAX)
		return error_new(ERROR_TOO_LARGE, "%zu bytes: at most %d expected", der.size,
				 REQUEST_DER_MAX);
	const unsigned char *at = der.data;
	CLEANUP(X509_REQ_free) X509_REQ *request =
		der.size ? d2i_X509_REQ(NULL, &at, (long)der.size) : NULL;
	if (!request)
		return openssl_error(ERROR_INVALID, "not a PKCS#10 request");
	ERR_clear_error();
	if (at != der.data + der.size)
		return error_new(ERROR_INVALID, "%zu bytes behind it: none expected",
				 (size_t)(der.data + der.size - at));
	*ret = TAKE(request);
	return NULL;
}

/* RFC 5480 section 2.1.1: "implicitCurve and specifiedCurve MUST NOT be used in PKIX". A curve of
 * the requester's making could also be one that is slow to calculate on. */
static bool is_named_curve(EVP_PKEY *key)
{
	int is_explicit = 0;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
					 &is_explicit),
		OSSL_PARAM_construct_end(),
	};
	char name[64];
	return EVP_PKEY_get_params(key, parameters) == 1 && !is_explicit &&
	       EVP_PKEY_get_group_name(key, name, sizeof name, NULL) == 1;
}

/* Before any arithmetic: is this a key whose signatures are verified in bounded time? */
static error *check_key(EVP_PKEY *key)
{
	if (!key)
		return openssl_error(ERROR_INVALID, "its public key can't be used");
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		if (EVP_PKEY_get_bits(key) <= REQUEST_RSA_BITS_MAX)
			return NULL;
		return error_new(ERROR_INVALID, "an RSA key of %d bits: at most %d expected",
				 EVP_PKEY_get_bits(key), REQUEST_RSA_BITS_MAX);
	case EVP_PKEY_EC:
		if (is_named_curve(key))
			return NULL;
		ERR_clear_error();
		return error_new(ERROR_INVALID, "an elliptic curve that is not given by its name");
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return NULL;
	default:
		return error_new(ERROR_INVALID,
				 "a key of type %s: RSA, ECDSA, Ed25519 or Ed448 expected",
				 EVP_PKEY_get0_type_name(key));
	}
}

static error *check_digest(const X509_REQ *request)
{
	int algorithm = X509_REQ_get_signature_nid(request), digest = NID_undef, key = NID_undef;
	const char *name = OBJ_nid2sn(algorithm);
	OBJ_find_sigid_algs(algorithm, &digest, &key);
	switch (algorithm) {
	case NID_rsassaPss: /* its digest is among the parameters, which OpenSSL checks */
	case NID_ED25519:
	case NID_ED448:
		return NULL;
	}
	switch (digest) {
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
		return NULL;
	}
	return error_new(ERROR_INVALID, "signature algorithm %s: one with SHA-256, SHA-384 or "
			 "SHA-512 expected", name && algorithm != NID_undef ? name : "unknown");
}

static error *check_signature(X509_REQ *request)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	TRY(check_key(key));
	TRY(check_digest(request));
	if (X509_REQ_verify(request, key) != 1)
		return openssl_error(ERROR_INVALID, "its signature does not verify");
	return NULL;
}

/* RFC 2985 section 5.4.2: extensionRequest holds one value of type Extensions. NULL when the
 * request has none. OpenSSL's X509_REQ_get_extensions would take a broken one for none. */
static error *requested_extensions(const X509_REQ *request, X509_EXTENSIONS **ret)
{
	int at = X509_REQ_get_attr_by_NID(request, NID_ext_req, -1);
	if (at < 0)
		return NULL;
	if (X509_REQ_get_attr_by_NID(request, NID_ext_req, at) >= 0)
		return error_new(ERROR_INVALID, "more than one extensionRequest");
	X509_ATTRIBUTE *attribute = X509_REQ_get_attr(request, at);
	const ASN1_STRING *value = X509_ATTRIBUTE_count(attribute) == 1
		? X509_ATTRIBUTE_get0_data(attribute, 0, V_ASN1_SEQUENCE, NULL) : NULL;
	if (!value)
		return openssl_error(ERROR_INVALID, "its extensionRequest is not one SEQUENCE");
	const unsigned char *der = ASN1_STRING_get0_data(value);
	CLEANUP(free_extensions) X509_EXTENSIONS *extensions = (X509_EXTENSIONS *)ASN1_item_d2i(
		NULL, &der, ASN1_STRING_length(value), ASN1_ITEM_rptr(X509_EXTENSIONS));
	if (!extensions)
		return openssl_error(ERROR_INVALID, "its extensionRequest holds no extensions");
	*ret = TAKE(extensions);
	return NULL;
}

static error *add_name(const GENERAL_NAME *name, struct san_list *list)
{
	int kind;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
	bytes content = BYTES_EMPTY;
	if (kind != GEN_DNS && kind != GEN_IPADD)
		return NULL;
	content = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	if (kind == GEN_IPADD)
		return san_add_ip(list, content);
	/* Public marbles split EDG_MARBLE_DNS_NAMES at commas and at nothing else: "a, b," asks for
	 * "a", " b" and "". */
	content = san_trim(content);
	return content.size ? san_add_dns(list, content) : NULL;
}

static error *collect_names(const X509_REQ *request, struct san_list *list)
{
	CLEANUP(free_extensions) X509_EXTENSIONS *extensions = NULL;
	TRY(requested_extensions(request, &extensions));
	int critical = -1;
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names =
		X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	if (!names && critical != -1)
		return openssl_error(ERROR_INVALID, critical == -2 ? "more than one subjectAltName"
								   : "its subjectAltName is broken");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		TRY_CTX(add_name(sk_GENERAL_NAME_value(names, i), list), "its subjectAltName %d", i + 1);
	return NULL;
}

error *request_names(bytes der, struct san_list *ret)
{
	CLEANUP(X509_REQ_free) X509_REQ *request = NULL;
	CLEANUP(san_free) struct san_list names = { 0 };
	TRY_CTX(parse(der, &request), "certificate request");
	TRY_CTX(check_signature(request), "certificate request");
	TRY_CTX(collect_names(request, &names), "certificate request");
	ERR_clear_error();
	*ret = names;
	names = (struct san_list){ 0 };
	return NULL;
}
