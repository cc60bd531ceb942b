#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/curve.h"
#include "pki/key.h"
#include "pki/openssl_error.h"
#include "pki/san.h"

enum { REQUEST_RSA_BITS_MAX = 16384 };

/* RFC 2986 section 4, the key left as it is. OpenSSL's own X509_REQ decodes the key as it reads,
 * whatever kind it is of, and takes twice as long for that as for the signature's verification. */
typedef struct {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *key;
} KEY_INFO;

typedef struct {
	ASN1_ENCODING encoding; /* as it came: what is signed */
	ASN1_INTEGER *version;
	X509_NAME *subject;
	KEY_INFO *key;
	STACK_OF(X509_ATTRIBUTE) *attributes;
} REQUEST_INFO;

typedef struct {
	REQUEST_INFO *info;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
} REQUEST;

ASN1_SEQUENCE(KEY_INFO) = {
	ASN1_SIMPLE(KEY_INFO, algorithm, X509_ALGOR),
	ASN1_SIMPLE(KEY_INFO, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(KEY_INFO)

ASN1_SEQUENCE_enc(REQUEST_INFO, encoding, 0) = {
	ASN1_SIMPLE(REQUEST_INFO, version, ASN1_INTEGER),
	ASN1_SIMPLE(REQUEST_INFO, subject, X509_NAME),
	ASN1_SIMPLE(REQUEST_INFO, key, KEY_INFO),
	/* left out by some, against the letter of the RFC */
	ASN1_IMP_SET_OF_OPT(REQUEST_INFO, attributes, X509_ATTRIBUTE, 0),
} static_ASN1_SEQUENCE_END_ref(REQUEST_INFO, REQUEST_INFO)

ASN1_SEQUENCE(REQUEST) = {
	ASN1_SIMPLE(REQUEST, info, REQUEST_INFO),
	ASN1_SIMPLE(REQUEST, algorithm, X509_ALGOR),
	ASN1_SIMPLE(REQUEST, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(REQUEST)

static void request_free(REQUEST *request)
{
	ASN1_item_free((ASN1_VALUE *)request, ASN1_ITEM_rptr(REQUEST));
}
DEFINE_CLEANUP(request_free, REQUEST *)
DEFINE_CLEANUP(GENERAL_NAMES_free, GENERAL_NAMES *)

static void free_extensions(X509_EXTENSIONS *extensions)
{
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
DEFINE_CLEANUP(free_extensions, X509_EXTENSIONS *)

static error *parse(bytes der, REQUEST **ret)
{
	if (der.size > REQUEST_DER_MAX)
		return error_new(ERROR_TOO_LARGE, "%zu bytes: at most %d expected", der.size,
				 REQUEST_DER_MAX);
	const unsigned char *at = der.data;
	CLEANUP(request_free) REQUEST *request = der.size
		? (REQUEST *)ASN1_item_d2i(NULL, &at, (long)der.size, ASN1_ITEM_rptr(REQUEST)) : NULL;
	if (!request)
		return openssl_error(ERROR_INVALID, "not a PKCS#10 request");
	if (at != der.data + der.size)
		return error_new(ERROR_INVALID, "%zu bytes behind it: none expected",
				 (size_t)(der.data + der.size - at));
	*ret = TAKE(request);
	return NULL;
}

/* RFC 5480 section 2.1.1: "implicitCurve and specifiedCurve MUST NOT be used in PKIX". A curve of
 * the requester's making could be one that is slow to calculate on. */
static error *curve_key(const KEY_INFO *info, EVP_PKEY **ret)
{
	int type;
	const void *value;
	X509_ALGOR_get0(NULL, &type, &value, info->algorithm);
	const struct curve *curve = type == V_ASN1_OBJECT ? curve_of_nid(OBJ_obj2nid(value)) : NULL;
	if (!curve)
		return error_new(ERROR_INVALID, "its key is on an unknown curve: the name of a NIST curve "
				 "expected");
	TRY_CTX(curve_key_of_point(curve, bytes_of(info->key->data, (size_t)info->key->length), ret),
		"its key");
	return NULL;
}

/* Keys of the rarer kinds, by OpenSSL's decoders. */
static error *decode_key(KEY_INFO *info, EVP_PKEY **ret)
{
	unsigned char *der = NULL;
	int size = ASN1_item_i2d((ASN1_VALUE *)info, &der, ASN1_ITEM_rptr(KEY_INFO));
	const unsigned char *at = der;
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
	OPENSSL_free(der);
	if (!key)
		return openssl_error(ERROR_INVALID, "its key can't be used");
	ERR_clear_error();
	if (EVP_PKEY_get_bits(key) > REQUEST_RSA_BITS_MAX)
		return error_new(ERROR_INVALID, "its key has %d bits: at most %d expected",
				 EVP_PKEY_get_bits(key), REQUEST_RSA_BITS_MAX);
	*ret = TAKE(key);
	return NULL;
}

/* Only keys whose signatures are verified in bounded time; nothing is calculated before that. */
static error *request_key(REQUEST *request, EVP_PKEY **ret)
{
	char name[64];
	KEY_INFO *info = request->info->key;
	switch (OBJ_obj2nid(info->algorithm->algorithm)) {
	case NID_X9_62_id_ecPublicKey:
		return curve_key(info, ret);
	case NID_rsaEncryption:
	case NID_rsassaPss:
	case NID_ED25519:
	case NID_ED448:
		return decode_key(info, ret);
	default:
		OBJ_obj2txt(name, sizeof name, info->algorithm->algorithm, 0);
		return error_new(ERROR_INVALID,
				 "its key is of type %s: RSA, ECDSA, Ed25519 or Ed448 expected", name);
	}
}

static error *check_digest(const REQUEST *request)
{
	int algorithm = OBJ_obj2nid(request->algorithm->algorithm), digest = NID_undef;
	char name[64];
	switch (algorithm) {
	case NID_rsassaPss: /* its digest is among the parameters, which OpenSSL checks */
	case NID_ED25519:
	case NID_ED448:
		return NULL;
	}
	OBJ_find_sigid_algs(algorithm, &digest, NULL);
	switch (digest) {
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
		return NULL;
	}
	OBJ_obj2txt(name, sizeof name, request->algorithm->algorithm, 0);
	return error_new(ERROR_INVALID, "signature algorithm %s: one with SHA-256, SHA-384 or SHA-512 "
			 "expected", name);
}

static error *check_signature(REQUEST *request)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	TRY(request_key(request, &key));
	TRY(check_digest(request));
	if (ASN1_item_verify(ASN1_ITEM_rptr(REQUEST_INFO), request->algorithm, request->signature,
			     request->info, key) != 1)
		return openssl_error(ERROR_INVALID, "its signature does not verify");
	return NULL;
}

/* RFC 2985 section 5.4.2: extensionRequest holds one value of type Extensions. NULL when the
 * request has none. */
static error *requested_extensions(const REQUEST *request, X509_EXTENSIONS **ret)
{
	const STACK_OF(X509_ATTRIBUTE) *attributes = request->info->attributes;
	X509_ATTRIBUTE *found = NULL;
	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		X509_ATTRIBUTE *attribute = sk_X509_ATTRIBUTE_value(attributes, i);
		if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute)) != NID_ext_req)
			continue;
		if (found)
			return error_new(ERROR_INVALID, "more than one extensionRequest");
		found = attribute;
	}
	if (!found)
		return NULL;
	const ASN1_STRING *value = X509_ATTRIBUTE_count(found) == 1
		? X509_ATTRIBUTE_get0_data(found, 0, V_ASN1_SEQUENCE, NULL) : NULL;
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

static error *collect_names(const REQUEST *request, struct san_list *list)
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
	CLEANUP(request_free) REQUEST *request = NULL;
	CLEANUP(san_free) struct san_list names = { 0 };
	TRY_CTX(parse(der, &request), "certificate request");
	TRY_CTX(check_signature(request), "certificate request");
	TRY_CTX(collect_names(request, &names), "certificate request");
	ERR_clear_error();
	*ret = names;
	names = (struct san_list){ 0 };
	return NULL;
}
