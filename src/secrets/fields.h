/* JSON objects as tables of fields, and values as Go's decoder reads them. Messages name the field:
 * "DNSNames: entry 2: string expected, integer found". */
#pragma once
#include <openssl/asn1.h>
#include <stdint.h>

#include "base/blob.h"
#include "codec/json.h"

DEFINE_CLEANUP(ASN1_OBJECT_free, ASN1_OBJECT *)

enum { FIELDS_MAX = 64, FIELD_LIST_MAX = 100, FIELD_TEXT_MAX = 1024 };

struct field {
	const char *name;
	/* NULL: the field is known, and what it says is of no effect */
	error *(*read)(json_t *value, int argument, void *to);
	int argument;
};
/* Reads the fields of an object in the table's order; those that are null count as not given.
 * Refuses unknown names, and one name in two spellings. */
error *fields_read(json_t *object, const struct field *fields, size_t count, void *to) MUST_USE;

error *field_type(const json_t *value, const char *expected) MUST_USE; /* the refusal itself */
error *field_list(const json_t *value) MUST_USE; /* an array of at most FIELD_LIST_MAX entries? */
error *field_boolean(const json_t *value, bool *ret) MUST_USE;
error *field_integer(const json_t *value, int64_t least, int64_t most, int64_t *ret) MUST_USE;
/* At most FIELD_TEXT_MAX bytes without NUL. */
error *field_text(const json_t *value, bytes *ret) MUST_USE;
/* The same, of printable ASCII without blanks: what an IA5String for names and addresses holds. */
error *field_ascii(const json_t *value, bytes *ret) MUST_USE;
/* An array of integers, as Go writes an asn1.ObjectIdentifier. */
error *field_oid(json_t *value, ASN1_OBJECT **ret) MUST_USE;
/* RFC 3339 section 5.6. */
error *field_time(const json_t *value, int64_t *ret) MUST_USE;
