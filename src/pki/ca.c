#include "pki/ca.h"

#include <openssl/err.h>

#include "pki/draft.h"
#include "pki/openssl_error.h"

/* 2^63 - 1 nanoseconds, 292 years: what public coordinators grant. A mesh ends with its manifest,
 * not with a date; the host sets the clock that a date would be compared to. */
static const int64_t lifetime_s = 9223372036;

static const char root_name[] = "MarbleRun Coordinator";
static const char intermediate_name[] = "MarbleRun Coordinator - Intermediate CA";
static const char marble_type_oid[] = "1.3.9903.2.1";

DEFINE_CLEANUP(ASN1_OBJECT_free, ASN1_OBJECT *)

static error *init_long_lived(struct draft *draft, EVP_PKEY *key, const char *common_name, int64_t now)
{
	if (now < 0 || now > last_encodable_second)
		return error_new(ERROR_INVALID, "the clock is outside the years 1970 to 9999");
	int64_t end = now > last_encodable_second - lifetime_s ? last_encodable_second : now + lifetime_s;
	TRY(draft_init(draft, key, now - CLOCK_TOLERANCE_S, end));
	return draft_common_name(draft, common_name);
}

static error *add_names(struct draft *draft, const struct san_list *names, bool loopback)
{
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *general = NULL;
	TRY(general_names_of(names, &general));
	if (loopback)
		TRY(general_names_add_loopback(general));
	return sk_GENERAL_NAME_num(general) ? draft_add(draft, NID_subject_alt_name, false, general)
					    : NULL;
}

/* One of the authority's own. They serve TLS as well (client API: root, marble API: marble root),
 * hence names, digitalSignature and purposes. */
static error *authority(EVP_PKEY *key, const char *common_name, const struct san_list *names,
			int64_t now, X509 *issuer, EVP_PKEY *issuer_key, X509 **ret)
{
	CLEANUP(draft_free) struct draft draft = { 0 };
	CLEANUP(blob_free) struct blob der = { 0 };
	TRY(init_long_lived(&draft, key, common_name, now));
	TRY(draft_add_constraints(&draft, true, -1));
	TRY(draft_add_key_usage(&draft, USAGE_DIGITAL_SIGNATURE | USAGE_CERT_SIGN));
	TRY(draft_add_tls_purposes(&draft));
	TRY(add_names(&draft, names, true));
	TRY(draft_sign(&draft, issuer, issuer_key, NULL, &der));
	return certificate_of_der(blob_view(&der), ret);
}

static error *check_kind(enum key_kind kind)
{
	if (kind != KEY_P256 && kind != KEY_P384)
		return error_new(ERROR_INVALID, "the authority's keys are on P-256 or P-384");
	return NULL;
}

error *ca_renew_intermediate(struct ca *ca, const struct san_list *names, enum key_kind kind,
			     int64_t now)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	CLEANUP(X509_free) X509 *intermediate = NULL;
	CLEANUP(X509_free) X509 *marble_root = NULL;
	TRY(check_kind(kind));
	TRY(key_generate(kind, 0, &key));
	TRY_CTX(authority(key, intermediate_name, names, now, ca->root, ca->root_key, &intermediate),
		"intermediate certificate");
	TRY_CTX(authority(key, intermediate_name, names, now, NULL, key, &marble_root),
		"marble root certificate");
	EVP_PKEY_free(ca->intermediate_key);
	X509_free(ca->intermediate);
	X509_free(ca->marble_root);
	ca->intermediate_key = TAKE(key);
	ca->intermediate = TAKE(intermediate);
	ca->marble_root = TAKE(marble_root);
	return NULL;
}

error *ca_create(const struct san_list *names, enum key_kind kind, int64_t now, struct ca *ret)
{
	CLEANUP(ca_free) struct ca ca = { 0 };
	TRY(check_kind(kind));
	TRY(key_generate(kind, 0, &ca.root_key));
	TRY_CTX(authority(ca.root_key, root_name, names, now, NULL, ca.root_key, &ca.root),
		"root certificate");
	TRY(ca_renew_intermediate(&ca, names, kind, now));
	*ret = ca;
	ca = (struct ca){ 0 };
	return NULL;
}

static error *add_marble_type(struct draft *draft, const char *type)
{
	CLEANUP(ASN1_OBJECT_free) ASN1_OBJECT *oid = OBJ_txt2obj(marble_type_oid, 1);
	TRY_ALLOC(oid);
	/* The raw bytes, not a string of ASN.1: that is the public contract. */
	draft_add_bytes(draft, oid, false, bytes_of_string(type));
	return NULL;
}

error *ca_issue_marble(const struct ca *ca, EVP_PKEY *marble_key, const char *uuid, const char *type,
		       const struct san_list *names, int64_t now, struct blob *ret)
{
	CLEANUP(draft_free) struct draft draft = { 0 };
	TRY(init_long_lived(&draft, marble_key, uuid, now));
	TRY(draft_add_constraints(&draft, false, -1));
	TRY(draft_add_key_usage(&draft, USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT));
	TRY(draft_add_tls_purposes(&draft));
	TRY(add_names(&draft, names, false));
	TRY(add_marble_type(&draft, type));
	return draft_sign(&draft, ca->marble_root, ca->intermediate_key, NULL, ret);
}

error *ca_share(const struct ca *ca, struct ca *ret)
{
	if (!EVP_PKEY_up_ref(ca->root_key) || !EVP_PKEY_up_ref(ca->intermediate_key) ||
	    !X509_up_ref(ca->root) || !X509_up_ref(ca->intermediate) || !X509_up_ref(ca->marble_root))
		return error_new(ERROR_INTERNAL, "counting references to the authority");
	*ret = *ca;
	return NULL;
}

/* The only common name, of exactly the size of a UUID. */
static error *read_common_name(const X509 *certificate, char ret[37])
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *name =
		at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	if (!name || ASN1_STRING_length(name) != 36 ||
	    memchr(ASN1_STRING_get0_data(name), 0, 36))
		return error_new(ERROR_UNAUTHENTICATED, "the certificate's common name is no UUID");
	memcpy(ret, ASN1_STRING_get0_data(name), 36);
	ret[36] = 0;
	return NULL;
}

static error *read_marble_type(const X509 *certificate, char **ret)
{
	CLEANUP(ASN1_OBJECT_free) ASN1_OBJECT *oid = OBJ_txt2obj(marble_type_oid, 1);
	TRY_ALLOC(oid);
	int at = X509_get_ext_by_OBJ(certificate, oid, -1);
	const ASN1_STRING *value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	int size = value ? ASN1_STRING_length(value) : 0;
	if (size <= 0 || size > MARBLE_TYPE_MAX || memchr(ASN1_STRING_get0_data(value), 0, (size_t)size))
		return error_new(ERROR_UNAUTHENTICATED, "the certificate names no marble type");
	*ret = strndup((const char *)ASN1_STRING_get0_data(value), (size_t)size);
	return *ret ? NULL : error_no_memory();
}

error *ca_marble_identity(const struct ca *ca, bytes der, int64_t now, char ret_uuid[37], char **ret_type)
{
	CLEANUP(X509_free) X509 *certificate = NULL;
	char uuid[37];
	time_t at = (time_t)now;
	if (!der.size)
		return error_new(ERROR_UNAUTHENTICATED, "a marble's TLS client certificate is needed");
	TRY(error_recode(certificate_of_der(der, &certificate), ERROR_UNAUTHENTICATED));
	if (X509_verify(certificate, ca->intermediate_key) != 1) {
		ERR_clear_error();
		return error_new(ERROR_UNAUTHENTICATED,
				 "the TLS client certificate is not that of a marble of this mesh");
	}
	if (X509_cmp_time(X509_get0_notBefore(certificate), &at) > 0 ||
	    X509_cmp_time(X509_get0_notAfter(certificate), &at) < 0)
		return error_new(ERROR_UNAUTHENTICATED, "the marble's certificate is not valid at this time");
	TRY(read_common_name(certificate, uuid));
	TRY(read_marble_type(certificate, ret_type));
	memcpy(ret_uuid, uuid, sizeof uuid);
	return NULL;
}

void ca_free(struct ca *ca)
{
	EVP_PKEY_free(ca->root_key);
	EVP_PKEY_free(ca->intermediate_key);
	X509_free(ca->root);
	X509_free(ca->intermediate);
	X509_free(ca->marble_root);
	*ca = (struct ca){ 0 };
}
