#include "pki/draft.h"

#include <limits.h>

#include "base/random.h"
#include "pki/der.h"
#include "pki/openssl_error.h"
#include "pki/public_key.h"

enum { SERIAL_SIZE = 20, COMMON_NAME_MAX = 64 };

DEFINE_CLEANUP(ASN1_BIT_STRING_free, ASN1_BIT_STRING *)
DEFINE_CLEANUP(ASN1_TIME_free, ASN1_TIME *)
DEFINE_CLEANUP(BASIC_CONSTRAINTS_free, BASIC_CONSTRAINTS *)
DEFINE_CLEANUP(EVP_MD_CTX_free, EVP_MD_CTX *)
DEFINE_CLEANUP(X509_PUBKEY_free, X509_PUBKEY *)

static error *failed(const char *what)
{
	return openssl_error(ERROR_INTERNAL, "making a certificate: %s", what);
}

void draft_free(struct draft *draft)
{
	writer_free(&draft->validity);
	writer_free(&draft->subject);
	writer_free(&draft->public_key);
	writer_free(&draft->extensions);
}

/* ASN1_TIME_set takes UTCTime until 2049 and GeneralizedTime from 2050 on, as RFC 5280 section
 * 4.1.2.5 has it. */
static error *write_time(struct writer *w, int64_t seconds)
{
	CLEANUP(ASN1_TIME_free) ASN1_TIME *time = ASN1_TIME_set(NULL, seconds);
	if (!time)
		return failed("validity");
	write_der(w, (uint8_t)ASN1_STRING_type(time),
		  bytes_of(ASN1_STRING_get0_data(time), (size_t)ASN1_STRING_length(time)));
	return NULL;
}

static error *put_public_key(struct draft *draft, EVP_PKEY *key)
{
	CLEANUP(X509_PUBKEY_free) X509_PUBKEY *info = X509_PUBKEY_new();
	const unsigned char *bits;
	unsigned char *der = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE];
	const EVP_MD *sha256;
	int size;
	TRY_ALLOC(info);
	TRY(public_key_put(key, info));
	TRY(digest_sha(256, &sha256));
	if (!X509_PUBKEY_get0_param(NULL, &bits, &size, NULL, info) ||
	    !EVP_Digest(bits, (size_t)size, hash, NULL, sha256, NULL) ||
	    (size = i2d_X509_PUBKEY(info, &der)) <= 0)
		return failed("public key");
	memcpy(draft->key_id, hash, sizeof draft->key_id);
	write_bytes(&draft->public_key, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return writer_check(&draft->public_key, "public key");
}

error *draft_init(struct draft *draft, EVP_PKEY *key, int64_t not_before, int64_t not_after)
{
	TRY(write_time(&draft->validity, not_before));
	TRY(write_time(&draft->validity, not_after));
	return put_public_key(draft, key);
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value } */
error *draft_common_name(struct draft *draft, const char *name)
{
	CLEANUP(writer_free) struct writer pair = { 0 }, attribute = { 0 }, set = { 0 };
	bytes text = bytes_of_string(name);
	bool printable = true;
	for (size_t i = 0; i < text.size; i++)
		printable &= text.data[i] >= ' ' && text.data[i] < 0x7f;
	if (!text.size || text.size > COMMON_NAME_MAX || !printable)
		return error_new(ERROR_INVALID, "common name \"%s\": 1 to %d characters of ASCII expected",
				 name, COMMON_NAME_MAX);
	write_der_object(&pair, OBJ_nid2obj(NID_commonName));
	write_der(&pair, DER_UTF8_STRING, text);
	write_der_nested(&attribute, DER_SEQUENCE, &pair);
	write_der_nested(&set, DER_SET, &attribute);
	write_der_nested(&draft->subject, DER_SEQUENCE, &set);
	return writer_check(&draft->subject, "subject");
}

/* `name` keeps its own encoding. */
static error *write_name(struct writer *w, const X509_NAME *name)
{
	const unsigned char *der;
	size_t size;
	if (!X509_NAME_get0_der(name, &der, &size))
		return failed("name");
	write_bytes(w, bytes_of(der, size));
	return writer_check(w, "name");
}

error *draft_subject(struct draft *draft, const X509_NAME *name)
{
	return write_name(&draft->subject, name);
}

/* Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING } */
void draft_add_bytes(struct draft *draft, const ASN1_OBJECT *type, bool critical, bytes content)
{
	CLEANUP(writer_free) struct writer extension = { 0 };
	write_der_object(&extension, type);
	if (critical)
		write_bytes(&extension, bytes_of("\x01\x01\xff", 3));
	write_der(&extension, DER_OCTET_STRING, content);
	write_der_nested(&draft->extensions, DER_SEQUENCE, &extension);
}

error *draft_add(struct draft *draft, int nid, bool critical, const void *value)
{
	const X509V3_EXT_METHOD *method = X509V3_EXT_get_nid(nid);
	unsigned char *der = NULL;
	int size = method ? ASN1_item_i2d(value, &der, ASN1_ITEM_ptr(method->it)) : -1;
	if (size <= 0)
		return failed(OBJ_nid2sn(nid));
	draft_add_bytes(draft, OBJ_nid2obj(nid), critical, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return NULL;
}

error *draft_add_key_usage(struct draft *draft, unsigned usage)
{
	CLEANUP(ASN1_BIT_STRING_free) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	TRY_ALLOC(bits);
	for (int i = 0; i < 9; i++)
		if (usage & 1u << i && !ASN1_BIT_STRING_set_bit(bits, i, 1))
			return failed("keyUsage");
	return draft_add(draft, NID_key_usage, true, bits);
}

error *draft_add_constraints(struct draft *draft, bool is_ca, long path_length)
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

error *draft_add_tls_purposes(struct draft *draft)
{
	CLEANUP(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *purposes = EXTENDED_KEY_USAGE_new();
	/* Objects of OpenSSL's own table, which nobody frees. */
	if (!purposes || !sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_server_auth)) ||
	    !sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_client_auth)))
		return failed("extKeyUsage");
	return draft_add(draft, NID_ext_key_usage, false, purposes);
}

void draft_add_subject_key_id(struct draft *draft, bytes id)
{
	CLEANUP(writer_free) struct writer value = { 0 };
	write_der(&value, DER_OCTET_STRING, id);
	draft_add_bytes(draft, OBJ_nid2obj(NID_subject_key_identifier), false, writer_view(&value));
	draft->has_subject_key_id = true;
}

/* Section 4.2.1.1. The key identifier only: a certificate of the marble root and one of the
 * intermediate share name and key, not the serial number, and either may verify this one. */
static error *add_authority_key_id(struct draft *draft, X509 *issuer)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
	CLEANUP(writer_free) struct writer key_id = { 0 }, value = { 0 };
	if (!id)
		return failed("the issuer has no subjectKeyIdentifier");
	write_der(&key_id, DER_IMPLICIT_0,
		  bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)));
	write_der_nested(&value, DER_SEQUENCE, &key_id);
	draft_add_bytes(draft, OBJ_nid2obj(NID_authority_key_identifier), false, writer_view(&value));
	return NULL;
}

/* Section 4.1.2.2: positive, at most 20 octets. */
static error *write_serial(struct writer *w)
{
	uint8_t serial[SERIAL_SIZE];
	TRY(random_fill(serial, sizeof serial));
	serial[0] = (serial[0] & 0x7f) | 0x40;
	write_der(w, DER_INTEGER, BYTES_OF_ARRAY(serial));
	return NULL;
}

/* AlgorithmIdentifier of ECDSA with the digest: no parameters (RFC 5758 section 3.2). */
static error *write_algorithm(struct writer *w, const EVP_MD *digest)
{
	CLEANUP(writer_free) struct writer object = { 0 };
	int nid;
	if (!OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(digest), NID_X9_62_id_ecPublicKey))
		return failed("signature algorithm");
	write_der_object(&object, OBJ_nid2obj(nid));
	write_der_nested(w, DER_SEQUENCE, &object);
	return writer_check(w, "signature algorithm");
}

/* Section 4.1: the fields of TBSCertificate in their order. */
static error *write_tbs(struct writer *w, struct draft *draft, X509 *issuer, bytes algorithm)
{
	CLEANUP(writer_free) struct writer fields = { 0 }, extensions = { 0 };
	write_bytes(&fields, bytes_of("\xa0\x03\x02\x01\x02", 5)); /* [0] version 3 */
	TRY(write_serial(&fields));
	write_bytes(&fields, algorithm);
	if (issuer)
		TRY(write_name(&fields, X509_get_subject_name(issuer)));
	else
		write_bytes(&fields, writer_view(&draft->subject));
	write_der_nested(&fields, DER_SEQUENCE, &draft->validity);
	write_bytes(&fields, writer_view(&draft->subject));
	write_bytes(&fields, writer_view(&draft->public_key));
	write_der_nested(&extensions, DER_SEQUENCE, &draft->extensions);
	write_der_nested(&fields, DER_EXPLICIT_3, &extensions);
	write_der_nested(w, DER_SEQUENCE, &fields);
	return writer_check(w, "certificate");
}

static error *write_signature(struct writer *w, EVP_PKEY *key, const EVP_MD *digest, bytes tbs)
{
	uint8_t signature[256];
	size_t size = sizeof signature;
	CLEANUP(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestSignInit(ctx, NULL, digest, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &size, tbs.data, tbs.size) != 1)
		return failed("signature");
	write_der_bits(w, bytes_of(signature, size));
	return NULL;
}

error *draft_sign(struct draft *draft, X509 *issuer, EVP_PKEY *issuer_key, const EVP_MD *digest,
		  struct blob *ret)
{
	CLEANUP(writer_free) struct writer algorithm = { 0 }, tbs = { 0 }, parts = { 0 }, whole = { 0 };
	if (EVP_PKEY_get_base_id(issuer_key) != EVP_PKEY_EC)
		return error_new(ERROR_UNSUPPORTED, "an issuer without an ECDSA key");
	if (!digest)
		TRY(digest_for_key(issuer_key, &digest));
	if (!draft->has_subject_key_id)
		draft_add_subject_key_id(draft, BYTES_OF_ARRAY(draft->key_id));
	if (issuer)
		TRY(add_authority_key_id(draft, issuer));
	TRY(write_algorithm(&algorithm, digest));
	TRY(write_tbs(&tbs, draft, issuer, writer_view(&algorithm)));
	write_bytes(&parts, writer_view(&tbs));
	write_bytes(&parts, writer_view(&algorithm));
	TRY(write_signature(&parts, issuer_key, digest, writer_view(&tbs)));
	write_der_nested(&whole, DER_SEQUENCE, &parts);
	return blob_of_writer(&whole, "certificate", ret);
}
