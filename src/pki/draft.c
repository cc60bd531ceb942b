#include "pki/draft.h"

#include "base/random.h"
#include "pki/openssl_error.h"
#include "pki/public_key.h"

enum { SERIAL_SIZE = 20, KEY_ID_SIZE = 20 };

DEFINE_CLEANUP(ASN1_BIT_STRING_free, ASN1_BIT_STRING *)
DEFINE_CLEANUP(ASN1_OCTET_STRING_free, ASN1_OCTET_STRING *)
DEFINE_CLEANUP(AUTHORITY_KEYID_free, AUTHORITY_KEYID *)
DEFINE_CLEANUP(BASIC_CONSTRAINTS_free, BASIC_CONSTRAINTS *)
DEFINE_CLEANUP(GENERAL_NAME_free, GENERAL_NAME *)
DEFINE_CLEANUP(X509_EXTENSION_free, X509_EXTENSION *)

static error *failed(const char *what)
{
	return openssl_error(ERROR_INTERNAL, "making a certificate: %s", what);
}

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
static error *put_serial(X509 *draft)
{
	uint8_t serial[SERIAL_SIZE];
	TRY(random_fill(serial, sizeof serial));
	serial[0] = (serial[0] & 0x7f) | 0x40;
	if (!ASN1_STRING_set(X509_get_serialNumber(draft), serial, sizeof serial))
		return failed("serial number");
	return NULL;
}

error *draft_new(EVP_PKEY *key, int64_t not_before, int64_t not_after, X509 **ret)
{
	CLEANUP(X509_free) X509 *draft = X509_new();
	TRY_ALLOC(draft);
	/* ASN1_TIME_set takes UTCTime until 2049 and GeneralizedTime from 2050 on, as section 4.1.2.5
	 * has it. */
	if (!X509_set_version(draft, X509_VERSION_3) ||
	    !ASN1_TIME_set(X509_getm_notBefore(draft), not_before) ||
	    !ASN1_TIME_set(X509_getm_notAfter(draft), not_after))
		return failed("validity");
	TRY(put_serial(draft));
	TRY(public_key_put(key, X509_get_X509_PUBKEY(draft)));
	*ret = TAKE(draft);
	return NULL;
}

error *draft_common_name(X509 *draft, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(draft);
	if (!X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
					(const unsigned char *)name, -1, -1, 0))
		return openssl_error(ERROR_INVALID, "common name \"%s\"", name);
	return NULL;
}

error *draft_add(X509 *draft, int nid, bool critical, void *value)
{
	if (X509_add1_ext_i2d(draft, nid, value, critical, X509V3_ADD_APPEND) != 1)
		return failed(OBJ_nid2sn(nid));
	return NULL;
}

error *draft_add_der(X509 *draft, const ASN1_OBJECT *type, bool critical, bytes der)
{
	CLEANUP(ASN1_OCTET_STRING_free) ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	if (!value || der.size > INT_MAX ||
	    !ASN1_OCTET_STRING_set(value, der.data, (int)der.size))
		return failed("extension");
	CLEANUP(X509_EXTENSION_free) X509_EXTENSION *extension =
		X509_EXTENSION_create_by_OBJ(NULL, type, critical, value);
	if (!extension || !X509_add_ext(draft, extension, -1))
		return failed("extension");
	return NULL;
}

error *draft_add_key_usage(X509 *draft, unsigned usage)
{
	CLEANUP(ASN1_BIT_STRING_free) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	TRY_ALLOC(bits);
	for (int i = 0; i < 9; i++)
		if (usage & 1u << i && !ASN1_BIT_STRING_set_bit(bits, i, 1))
			return failed("keyUsage");
	return draft_add(draft, NID_key_usage, true, bits);
}

error *draft_add_constraints(X509 *draft, bool is_ca, long path_length)
{
	CLEANUP(BASIC_CONSTRAINTS_free) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
	TRY_ALLOC(constraints);
	constraints->ca = is_ca ? 0xff : 0;
	if (is_ca && path_length >= 0) {
		constraints->pathlen = ASN1_INTEGER_new();
		if (!constraints->pathlen || !ASN1_INTEGER_set(constraints->pathlen, path_length))
			return failed("basicConstraints");
	}
	return draft_add(draft, NID_basic_constraints, true, constraints);
}

error *draft_add_tls_purposes(X509 *draft)
{
	CLEANUP(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *purposes = EXTENDED_KEY_USAGE_new();
	/* Objects of OpenSSL's own table, which nobody frees. */
	if (!purposes || !sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_server_auth)) ||
	    !sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_client_auth)))
		return failed("extKeyUsage");
	return draft_add(draft, NID_ext_key_usage, false, purposes);
}

error *draft_add_subject_key_id(X509 *draft, bytes id)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	if (!id.size) {
		const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(draft);
		const EVP_MD *sha256;
		TRY(digest_sha(256, &sha256));
		if (!EVP_Digest(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key), hash,
				NULL, sha256, NULL))
			return failed("subjectKeyIdentifier");
		id = bytes_of(hash, KEY_ID_SIZE);
	}
	CLEANUP(ASN1_OCTET_STRING_free) ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	if (!value || !ASN1_OCTET_STRING_set(value, id.data, (int)id.size))
		return failed("subjectKeyIdentifier");
	return draft_add(draft, NID_subject_key_identifier, false, value);
}

error *general_name_set(GENERAL_NAME *name, int kind, bytes content)
{
	int type = kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;
	ASN1_STRING *value = ASN1_STRING_type_new(type);
	if (!value || content.size > INT_MAX ||
	    !ASN1_STRING_set(value, content.size ? content.data : (const uint8_t *)"",
			     (int)content.size)) {
		ASN1_STRING_free(value);
		return failed("name");
	}
	GENERAL_NAME_set0_value(name, kind, value);
	return NULL;
}

error *general_name_push(GENERAL_NAMES *names, int kind, bytes content)
{
	CLEANUP(GENERAL_NAME_free) GENERAL_NAME *name = GENERAL_NAME_new();
	TRY_ALLOC(name);
	TRY(general_name_set(name, kind, content));
	if (!sk_GENERAL_NAME_push(names, name))
		return failed("name");
	name = NULL; /* the stack's now */
	return NULL;
}

error *general_names_of(const struct san_list *list, GENERAL_NAMES **ret)
{
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = GENERAL_NAMES_new();
	TRY_ALLOC(names);
	for (size_t i = 0; i < list->count; i++) {
		const struct san *item = &list->items[i];
		TRY(general_name_push(names, item->is_ip ? GEN_IPADD : GEN_DNS,
				      item->is_ip ? bytes_of(item->ip, item->ip_size)
						  : bytes_of_string(item->name)));
	}
	*ret = TAKE(names);
	return NULL;
}

static bool has_address(const GENERAL_NAMES *names, bytes address)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int kind;
		const ASN1_STRING *value =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
		if (kind == GEN_IPADD &&
		    bytes_equal(address, bytes_of(ASN1_STRING_get0_data(value),
						  (size_t)ASN1_STRING_length(value))))
			return true;
	}
	return false;
}

error *general_names_add_loopback(GENERAL_NAMES *names)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };
	if (!has_address(names, BYTES_OF_ARRAY(v4)))
		TRY(general_name_push(names, GEN_IPADD, BYTES_OF_ARRAY(v4)));
	if (!has_address(names, BYTES_OF_ARRAY(v6)))
		TRY(general_name_push(names, GEN_IPADD, BYTES_OF_ARRAY(v6)));
	return NULL;
}

/* Section 4.2.1.1. The key identifier only: a certificate of the marble root and one of the
 * intermediate share name and key, not the serial number, and either may verify this one. */
static error *add_authority_key_id(X509 *draft, X509 *issuer)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
	CLEANUP(AUTHORITY_KEYID_free) AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	if (!id || !authority || !(authority->keyid = ASN1_OCTET_STRING_dup(id)))
		return failed("authorityKeyIdentifier");
	return draft_add(draft, NID_authority_key_identifier, false, authority);
}

error *draft_sign(X509 *draft, X509 *issuer, EVP_PKEY *issuer_key, const EVP_MD *digest,
		  struct blob *ret)
{
	if (!digest)
		TRY(digest_for_key(issuer_key, &digest));
	if (issuer)
		TRY(add_authority_key_id(draft, issuer));
	if (!X509_set_issuer_name(draft, X509_get_subject_name(issuer ? issuer : draft)))
		return failed("issuer");
	if (X509_sign(draft, issuer_key, digest) <= 0)
		return failed("signature");
	return certificate_der(draft, ret);
}
