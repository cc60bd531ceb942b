#include "secrets/subject.h"

#include "pki/openssl_error.h"
#include "secrets/fields.h"

struct subject {
	X509_NAME *name;  /* what is returned */
	X509_NAME *extra; /* ExtraNames */
};

DEFINE_CLEANUP(X509_NAME_free, X509_NAME *)

/* `into_last`: another value of the attribute before it, in one RelativeDistinguishedName, as Go
 * writes lists. */
static error *add(X509_NAME *name, const ASN1_OBJECT *type, const json_t *value, bool into_last)
{
	bytes text;
	TRY(field_text(value, &text));
	if (!text.size)
		return error_new(ERROR_INVALID, "empty");
	/* OpenSSL knows the bounds of RFC 5280 appendix A.1: 2 letters for a country, … */
	if (!X509_NAME_add_entry_by_OBJ(name, type, MBSTRING_UTF8, text.data, (int)text.size, -1,
					into_last ? -1 : 0))
		return openssl_error(ERROR_INVALID, "\"%s\" can't be its value",
				     json_string_value(value));
	return NULL;
}

/* Go: what ExtraNames holds replaces what other fields say of the same attribute. */
static bool is_replaced(const struct subject *s, int nid)
{
	return X509_NAME_get_index_by_NID(s->extra, nid, -1) >= 0;
}

static error *read_text(json_t *value, int nid, void *to)
{
	struct subject *s = to;
	bytes text;
	TRY(field_text(value, &text));
	return text.size && !is_replaced(s, nid) ? add(s->name, OBJ_nid2obj(nid), value, false) : NULL;
}

static error *read_texts(json_t *value, int nid, void *to)
{
	struct subject *s = to;
	TRY(field_list(value));
	for (size_t i = 0; i < json_array_size(value) && !is_replaced(s, nid); i++)
		TRY_CTX(add(s->name, OBJ_nid2obj(nid), json_array_get(value, i), i > 0), "entry %zu",
			i + 1);
	return NULL;
}

struct extra_name {
	ASN1_OBJECT *type;
	json_t *value;
};

static error *read_extra_type(json_t *value, int argument, void *to)
{
	(void)argument;
	return field_oid(value, &((struct extra_name *)to)->type);
}

static error *read_extra_value(json_t *value, int argument, void *to)
{
	(void)argument;
	((struct extra_name *)to)->value = value;
	return NULL;
}

static error *read_extra_name(json_t *entry, X509_NAME *extra)
{
	static const struct field fields[] = {
		{ "Type", read_extra_type, 0 },
		{ "Value", read_extra_value, 0 },
	};
	struct extra_name name = { 0 };
	error *e = fields_read(entry, fields, ARRAY_SIZE(fields), &name);
	CLEANUP(ASN1_OBJECT_free) ASN1_OBJECT *type = name.type;
	TRY(e);
	if (!type || !name.value)
		return error_new(ERROR_INVALID, "Type and Value expected");
	TRY_CTX(add(extra, type, name.value, false), "Value");
	return NULL;
}

static error *read_extra_names(json_t *value, int argument, void *to)
{
	struct subject *s = to;
	(void)argument;
	TRY(field_list(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		TRY_CTX(read_extra_name(json_array_get(value, i), s->extra), "entry %zu", i + 1);
	return NULL;
}

static error *append_all(X509_NAME *to, const X509_NAME *from)
{
	for (int i = 0; i < X509_NAME_entry_count(from); i++)
		if (!X509_NAME_add_entry(to, X509_NAME_get_entry(from, i), -1, 0))
			return openssl_error(ERROR_INTERNAL, "putting a subject together");
	return NULL;
}

error *subject_read(json_t *value, X509_NAME *subject)
{
	static const struct field fields[] = {
		{ "ExtraNames", read_extra_names, 0 },
		{ "Country", read_texts, NID_countryName },
		{ "Province", read_texts, NID_stateOrProvinceName },
		{ "Locality", read_texts, NID_localityName },
		{ "StreetAddress", read_texts, NID_streetAddress },
		{ "PostalCode", read_texts, NID_postalCode },
		{ "Organization", read_texts, NID_organizationName },
		{ "OrganizationalUnit", read_texts, NID_organizationalUnitName },
		{ "CommonName", read_text, NID_commonName },
		{ "SerialNumber", read_text, NID_serialNumber },
		/* Go fills it when it reads a certificate, and leaves it out when it writes one. */
		{ "Names", NULL, 0 },
		/* It belongs one level up. The public nginx sample has it here, to no effect. */
		{ "DNSNames", NULL, 0 },
	};
	CLEANUP(X509_NAME_free) X509_NAME *extra = X509_NAME_new();
	TRY_ALLOC(extra);
	struct subject s = { subject, extra };
	TRY(fields_read(value, fields, ARRAY_SIZE(fields), &s));
	return append_all(subject, extra);
}
