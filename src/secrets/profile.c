#include "secrets/profile.h"

#include "codec/base64.h"
#include "pki/openssl_error.h"
#include "pki/public_key.h"
#include "pki/san.h"
#include "secrets/constraints.h"
#include "secrets/fields.h"
#include "secrets/subject.h"

enum { KEY_ID_MAX = 64, COMMON_NAME_MAX = 64 };

/* 0001-01-01T00:00:00Z: what Go writes for a time that was not set. */
static const int64_t go_zero_time = -62135596800;

DEFINE_CLEANUP(ACCESS_DESCRIPTION_free, ACCESS_DESCRIPTION *)
DEFINE_CLEANUP(DIST_POINT_free, DIST_POINT *)
DEFINE_CLEANUP(POLICYINFO_free, POLICYINFO *)

static error *each(json_t *list, int argument, struct profile *p,
		   error *(*read)(json_t *entry, int argument, struct profile *p))
{
	TRY(field_list(list));
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY_CTX(read(json_array_get(list, i), argument, p), "entry %zu", i + 1);
	return NULL;
}

/* ---- names ---- */

static error *add_dns_name(json_t *value, int argument, struct profile *p)
{
	bytes name;
	(void)argument;
	TRY(field_text(value, &name));
	return san_add_dns(&p->names, name);
}

static error *read_dns_names(json_t *value, int argument, void *to)
{
	struct profile *p = to;
	p->has_dns_names = true;
	return each(value, argument, p, add_dns_name);
}

static error *add_address(json_t *value, int argument, struct profile *p)
{
	uint8_t address[16];
	size_t size;
	(void)argument;
	TRY(address_read(value, address, &size));
	return san_add_ip(&p->names, bytes_of(address, size));
}

static error *read_addresses(json_t *value, int argument, void *to)
{
	struct profile *p = to;
	p->has_addresses = true;
	return each(value, argument, p, add_address);
}

/* An e-mail address or a URI: a text that must not be empty. */
static error *read_filled_ascii(const json_t *value, bytes *ret)
{
	TRY(field_ascii(value, ret));
	if (!ret->size)
		return error_new(ERROR_INVALID, "empty");
	return NULL;
}

static error *add_email(json_t *value, int argument, struct profile *p)
{
	bytes address;
	(void)argument;
	TRY(read_filled_ascii(value, &address));
	return general_name_push(p->emails, GEN_EMAIL, address);
}

static error *read_emails(json_t *value, int argument, void *to)
{
	return each(value, argument, to, add_email);
}

static error *read_uris(json_t *value, int argument, void *to)
{
	(void)argument, (void)to;
	TRY(field_list(value));
	if (json_array_size(value))
		return error_new(ERROR_UNSUPPORTED, "names of kind URI are not supported: null or an "
				 "empty array expected");
	return NULL;
}

static error *read_subject(json_t *value, int argument, void *to)
{
	(void)argument;
	return subject_read(value, ((struct profile *)to)->subject);
}

/* ---- what the key is for ---- */

static error *read_key_usage(json_t *value, int argument, void *to)
{
	int64_t usage;
	(void)argument;
	TRY(field_integer(value, 0, USAGE_ALL, &usage));
	((struct profile *)to)->key_usage = (unsigned)usage;
	return NULL;
}

static error *push_purpose(struct profile *p, ASN1_OBJECT *purpose)
{
	if (purpose && sk_ASN1_OBJECT_push(p->purposes, purpose))
		return NULL;
	ASN1_OBJECT_free(purpose);
	return openssl_error(ERROR_INTERNAL, "purpose");
}

static error *add_purpose(json_t *value, int argument, struct profile *p)
{
	/* By Go's x509.ExtKeyUsage. */
	static const char *const purposes[] = {
		"2.5.29.37.0",             /* Any */
		"1.3.6.1.5.5.7.3.1",       /* ServerAuth */
		"1.3.6.1.5.5.7.3.2",       /* ClientAuth */
		"1.3.6.1.5.5.7.3.3",       /* CodeSigning */
		"1.3.6.1.5.5.7.3.4",       /* EmailProtection */
		"1.3.6.1.5.5.7.3.5",       /* IPSECEndSystem */
		"1.3.6.1.5.5.7.3.6",       /* IPSECTunnel */
		"1.3.6.1.5.5.7.3.7",       /* IPSECUser */
		"1.3.6.1.5.5.7.3.8",       /* TimeStamping */
		"1.3.6.1.5.5.7.3.9",       /* OCSPSigning */
		"1.3.6.1.4.1.311.10.3.3",  /* MicrosoftServerGatedCrypto */
		"2.16.840.1.113730.4.1",   /* NetscapeServerGatedCrypto */
		"1.3.6.1.4.1.311.2.1.22",  /* MicrosoftCommercialCodeSigning */
		"1.3.6.1.4.1.311.61.1.1",  /* MicrosoftKernelCodeSigning */
	};
	int64_t number;
	(void)argument;
	TRY(field_integer(value, 0, ARRAY_SIZE(purposes) - 1, &number));
	return push_purpose(p, OBJ_txt2obj(purposes[number], 1));
}

static error *read_purposes(json_t *value, int argument, void *to)
{
	struct profile *p = to;
	p->has_purposes = true;
	return each(value, argument, p, add_purpose);
}

static error *add_unknown_purpose(json_t *value, int argument, struct profile *p)
{
	ASN1_OBJECT *purpose = NULL;
	(void)argument;
	TRY(field_oid(value, &purpose));
	return push_purpose(p, purpose);
}

static error *read_unknown_purposes(json_t *value, int argument, void *to)
{
	return each(value, argument, to, add_unknown_purpose);
}

static error *read_is_ca(json_t *value, int argument, void *to)
{
	(void)argument;
	return field_boolean(value, &((struct profile *)to)->is_ca);
}

static error *read_max_path(json_t *value, int argument, void *to)
{
	(void)argument;
	return field_integer(value, -1, INT32_MAX, &((struct profile *)to)->max_path);
}

static error *read_max_path_is_zero(json_t *value, int argument, void *to)
{
	(void)argument;
	return field_boolean(value, &((struct profile *)to)->max_path_is_zero);
}

/* Go's x509.SignatureAlgorithm: what the coordinator's ECDSA key can sign with. */
static error *read_signature_algorithm(json_t *value, int argument, void *to)
{
	struct profile *p = to;
	int64_t number;
	(void)argument;
	TRY(field_integer(value, 0, INT32_MAX, &number));
	switch (number) {
	case 0:
		return NULL;
	case 10:
		return digest_sha(256, &p->digest);
	case 11:
		return digest_sha(384, &p->digest);
	case 12:
		return digest_sha(512, &p->digest);
	}
	return error_new(ERROR_INVALID, "%lld: 0, or 10, 11, 12 (ECDSA with SHA-256, SHA-384, SHA-512) "
			 "expected", (long long)number);
}

static error *read_key_id(json_t *value, int argument, void *to)
{
	struct profile *p = to;
	bytes text;
	(void)argument;
	TRY(field_text(value, &text));
	CLEANUP(blob_free) struct blob id = { 0 };
	TRY(base64_decode(text, "value", &id));
	if (id.size > KEY_ID_MAX)
		return error_new(ERROR_INVALID, "%zu bytes: at most %d expected", id.size, KEY_ID_MAX);
	p->subject_key_id = blob_take(&id);
	return NULL;
}

static error *read_not_after(json_t *value, int argument, void *to)
{
	struct profile *p = to;
	int64_t time;
	(void)argument;
	TRY(field_time(value, &time));
	if (time == go_zero_time)
		return NULL;
	if (time < 0 || time > last_encodable_second)
		return error_new(ERROR_INVALID, "\"%s\": a time in the years 1970 to 9999 expected",
				 json_string_value(value));
	p->has_not_after = true;
	p->not_after = time;
	return NULL;
}

/* ---- where to look things up ---- */

static error *add_access(json_t *value, int method, struct profile *p)
{
	bytes uri;
	TRY(read_filled_ascii(value, &uri));
	CLEANUP(ACCESS_DESCRIPTION_free) ACCESS_DESCRIPTION *access = ACCESS_DESCRIPTION_new();
	TRY_ALLOC(access);
	ASN1_OBJECT_free(access->method);
	access->method = OBJ_nid2obj(method);
	TRY(general_name_set(access->location, GEN_URI, uri));
	if (!sk_ACCESS_DESCRIPTION_push(p->access, access))
		return error_no_memory();
	access = NULL; /* the stack's now */
	return NULL;
}

static error *read_access(json_t *value, int method, void *to)
{
	return each(value, method, to, add_access);
}

static error *add_revocation_list(json_t *value, int argument, struct profile *p)
{
	bytes uri;
	(void)argument;
	TRY(read_filled_ascii(value, &uri));
	CLEANUP(DIST_POINT_free) DIST_POINT *point = DIST_POINT_new();
	TRY_ALLOC(point);
	TRY_ALLOC(point->distpoint = DIST_POINT_NAME_new());
	point->distpoint->type = 0; /* fullName */
	TRY_ALLOC(point->distpoint->name.fullname = GENERAL_NAMES_new());
	TRY(general_name_push(point->distpoint->name.fullname, GEN_URI, uri));
	if (!sk_DIST_POINT_push(p->revocation_lists, point))
		return error_no_memory();
	point = NULL; /* the stack's now */
	return NULL;
}

static error *read_revocation_lists(json_t *value, int argument, void *to)
{
	return each(value, argument, to, add_revocation_list);
}

static error *add_policy(json_t *value, int argument, struct profile *p)
{
	CLEANUP(POLICYINFO_free) POLICYINFO *policy = POLICYINFO_new();
	TRY_ALLOC(policy);
	(void)argument;
	ASN1_OBJECT_free(policy->policyid);
	policy->policyid = NULL;
	TRY(field_oid(value, &policy->policyid));
	/* RFC 5280 section 4.2.1.4: "MUST NOT appear more than once" */
	for (int i = 0; i < sk_POLICYINFO_num(p->policies); i++)
		if (!OBJ_cmp(sk_POLICYINFO_value(p->policies, i)->policyid, policy->policyid))
			return error_new(ERROR_INVALID, "the same policy twice");
	if (!sk_POLICYINFO_push(p->policies, policy))
		return error_no_memory();
	policy = NULL; /* the stack's now */
	return NULL;
}

static error *read_policies(json_t *value, int argument, void *to)
{
	return each(value, argument, to, add_policy);
}

static error *read_constraints(json_t *value, int kind, void *to)
{
	return constraints_read(value, kind, ((struct profile *)to)->constraints);
}

static error *read_constraints_critical(json_t *value, int argument, void *to)
{
	(void)argument;
	return field_boolean(value, &((struct profile *)to)->constraints_critical);
}

/* ---- the whole ---- */

/* Fields of Go's structure that its encoder leaves out, or that are no part of the public
 * documentation: what they ask for would silently be missing from the certificate. */
static error *read_unsupported(json_t *value, int argument, void *to)
{
	(void)argument, (void)to;
	bool empty = json_is_false(value) ||
		     (json_is_integer(value) && json_integer_value(value) == 0) ||
		     (json_is_array(value) && json_array_size(value) == 0);
	return empty ? NULL : error_new(ERROR_UNSUPPORTED, "not supported");
}

static const struct field cert_fields[] = {
	{ "Subject", read_subject, 0 },
	{ "NotAfter", read_not_after, 0 },
	{ "KeyUsage", read_key_usage, 0 },
	{ "ExtKeyUsage", read_purposes, 0 },
	{ "UnknownExtKeyUsage", read_unknown_purposes, 0 },
	{ "IsCA", read_is_ca, 0 },
	{ "MaxPathLen", read_max_path, 0 },
	{ "MaxPathLenZero", read_max_path_is_zero, 0 },
	{ "SubjectKeyId", read_key_id, 0 },
	{ "OCSPServer", read_access, NID_ad_OCSP },
	{ "IssuingCertificateURL", read_access, NID_ad_ca_issuers },
	{ "DNSNames", read_dns_names, 0 },
	{ "EmailAddresses", read_emails, 0 },
	{ "IPAddresses", read_addresses, 0 },
	{ "URIs", read_uris, 0 },
	{ "PermittedDNSDomainsCritical", read_constraints_critical, 0 },
	{ "PermittedDNSDomains", read_constraints, GEN_DNS },
	{ "ExcludedDNSDomains", read_constraints, GEN_DNS | CONSTRAINT_EXCLUDED },
	{ "PermittedIPRanges", read_constraints, GEN_IPADD },
	{ "ExcludedIPRanges", read_constraints, GEN_IPADD | CONSTRAINT_EXCLUDED },
	{ "PermittedEmailAddresses", read_constraints, GEN_EMAIL },
	{ "ExcludedEmailAddresses", read_constraints, GEN_EMAIL | CONSTRAINT_EXCLUDED },
	{ "PermittedURIDomains", read_constraints, GEN_URI },
	{ "ExcludedURIDomains", read_constraints, GEN_URI | CONSTRAINT_EXCLUDED },
	{ "CRLDistributionPoints", read_revocation_lists, 0 },
	{ "PolicyIdentifiers", read_policies, 0 },
	{ "SignatureAlgorithm", read_signature_algorithm, 0 },

	/* The coordinator sets these. */
	{ "Raw", NULL, 0 },
	{ "RawTBSCertificate", NULL, 0 },
	{ "RawSubjectPublicKeyInfo", NULL, 0 },
	{ "RawSubject", NULL, 0 },
	{ "RawIssuer", NULL, 0 },
	{ "Signature", NULL, 0 },
	{ "PublicKeyAlgorithm", NULL, 0 },
	{ "PublicKey", NULL, 0 },
	{ "Version", NULL, 0 },
	{ "SerialNumber", NULL, 0 },
	{ "Issuer", NULL, 0 },
	{ "NotBefore", NULL, 0 },
	{ "BasicConstraintsValid", NULL, 0 },
	{ "AuthorityKeyId", NULL, 0 },

	{ "Extensions", read_unsupported, 0 },
	{ "ExtraExtensions", read_unsupported, 0 },
	{ "UnhandledCriticalExtensions", read_unsupported, 0 },
	{ "Policies", read_unsupported, 0 },
	{ "InhibitAnyPolicy", read_unsupported, 0 },
	{ "InhibitAnyPolicyZero", read_unsupported, 0 },
	{ "InhibitPolicyMapping", read_unsupported, 0 },
	{ "InhibitPolicyMappingZero", read_unsupported, 0 },
	{ "RequireExplicitPolicy", read_unsupported, 0 },
	{ "RequireExplicitPolicyZero", read_unsupported, 0 },
	{ "PolicyMappings", read_unsupported, 0 },
};
_Static_assert(ARRAY_SIZE(cert_fields) <= FIELDS_MAX, "fields_read has room for them");

static error *profile_init(struct profile *p)
{
	TRY_ALLOC(p->subject = X509_NAME_new());
	TRY_ALLOC(p->emails = GENERAL_NAMES_new());
	TRY_ALLOC(p->purposes = EXTENDED_KEY_USAGE_new());
	TRY_ALLOC(p->access = AUTHORITY_INFO_ACCESS_new());
	TRY_ALLOC(p->revocation_lists = CRL_DIST_POINTS_new());
	TRY_ALLOC(p->policies = CERTIFICATEPOLICIES_new());
	TRY_ALLOC(p->constraints = NAME_CONSTRAINTS_new());
	return NULL;
}

/* Go: a zero counts only with MaxPathLenZero; only authorities have a length. */
static error *settle_max_path(struct profile *p)
{
	if (p->max_path == 0 && !p->max_path_is_zero)
		p->max_path = -1;
	if (p->max_path >= 0 && !p->is_ca)
		return error_new(ERROR_INVALID, "MaxPathLen: only with IsCA");
	return NULL;
}

/* CN: the only DNS name, when a CN has room for it. */
static error *settle_common_name(struct profile *p)
{
	const char *name = "MarbleRun Generated Certificate";
	size_t dns_names = 0;
	if (X509_NAME_get_index_by_NID(p->subject, NID_commonName, -1) >= 0)
		return NULL;
	for (size_t i = 0; i < p->names.count; i++)
		dns_names += !p->names.items[i].is_ip;
	for (size_t i = 0; dns_names == 1 && i < p->names.count; i++)
		if (!p->names.items[i].is_ip && strlen(p->names.items[i].name) <= COMMON_NAME_MAX)
			name = p->names.items[i].name;
	if (!X509_NAME_add_entry_by_NID(p->subject, NID_commonName, MBSTRING_UTF8,
					(const unsigned char *)name, -1, -1, 0))
		return openssl_error(ERROR_INTERNAL, "common name");
	return NULL;
}

static error *settle_defaults(struct profile *p)
{
	TRY(settle_max_path(p));
	if (!p->has_dns_names)
		TRY(san_add_dns(&p->names, bytes_of_string("localhost")));
	TRY(settle_common_name(p));
	if (!p->key_usage)
		p->key_usage = USAGE_DIGITAL_SIGNATURE | USAGE_CERT_SIGN;
	if (!p->has_purposes) {
		TRY(push_purpose(p, OBJ_nid2obj(NID_server_auth)));
		TRY(push_purpose(p, OBJ_nid2obj(NID_client_auth)));
	}
	return NULL;
}

error *profile_parse(json_t *cert, struct profile *ret)
{
	CLEANUP(profile_free) struct profile p = { 0 };
	TRY(profile_init(&p));
	if (cert && !json_is_null(cert))
		TRY(fields_read(cert, cert_fields, ARRAY_SIZE(cert_fields), &p));
	TRY(settle_defaults(&p));
	*ret = p;
	p = (struct profile){ 0 };
	return NULL;
}

static error *apply_names(const struct profile *p, struct draft *draft)
{
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = NULL;
	TRY(general_names_of(&p->names, &names));
	if (!p->has_addresses)
		TRY(general_names_add_loopback(names));
	for (int i = 0; i < sk_GENERAL_NAME_num(p->emails); i++) {
		const ASN1_STRING *email = sk_GENERAL_NAME_value(p->emails, i)->d.rfc822Name;
		TRY(general_name_push(names, GEN_EMAIL, bytes_of(ASN1_STRING_get0_data(email),
								 (size_t)ASN1_STRING_length(email))));
	}
	return sk_GENERAL_NAME_num(names) ? draft_add(draft, NID_subject_alt_name, false, names) : NULL;
}

error *profile_apply(const struct profile *p, struct draft *draft)
{
	const NAME_CONSTRAINTS *constraints = p->constraints;
	TRY(draft_subject(draft, p->subject));
	TRY(draft_add_constraints(draft, p->is_ca, p->max_path));
	TRY(draft_add_key_usage(draft, p->key_usage));
	if (sk_ASN1_OBJECT_num(p->purposes))
		TRY(draft_add(draft, NID_ext_key_usage, false, p->purposes));
	if (p->subject_key_id.size)
		draft_add_subject_key_id(draft, blob_view(&p->subject_key_id));
	TRY(apply_names(p, draft));
	if (sk_ACCESS_DESCRIPTION_num(p->access))
		TRY(draft_add(draft, NID_info_access, false, p->access));
	if (sk_DIST_POINT_num(p->revocation_lists))
		TRY(draft_add(draft, NID_crl_distribution_points, false, p->revocation_lists));
	if (sk_POLICYINFO_num(p->policies))
		TRY(draft_add(draft, NID_certificate_policies, false, p->policies));
	if (constraints->permittedSubtrees || constraints->excludedSubtrees)
		TRY(draft_add(draft, NID_name_constraints, p->constraints_critical, p->constraints));
	return NULL;
}

void profile_free(struct profile *p)
{
	X509_NAME_free(p->subject);
	san_free(&p->names);
	GENERAL_NAMES_free(p->emails);
	EXTENDED_KEY_USAGE_free(p->purposes);
	AUTHORITY_INFO_ACCESS_free(p->access);
	CRL_DIST_POINTS_free(p->revocation_lists);
	CERTIFICATEPOLICIES_free(p->policies);
	NAME_CONSTRAINTS_free(p->constraints);
	blob_free(&p->subject_key_id);
	*p = (struct profile){ 0 };
}
