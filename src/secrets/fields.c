#include "secrets/fields.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <strings.h>

#include "codec/timestamp.h"
#include "pki/openssl_error.h"

enum { OID_ARCS_MAX = 32 };

static const struct field *find(const struct field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

error *fields_read(json_t *object, const struct field *fields, size_t count, void *to)
{
	json_t *values[FIELDS_MAX] = { 0 }, *value;
	const char *name;
	if (!json_is_object(object))
		return field_type(object, "object");
	json_object_foreach(object, name, value) {
		const struct field *field = find(fields, count, name);
		if (!field)
			return error_new(ERROR_INVALID, "unknown field \"%.64s\"", name);
		if (values[field - fields])
			return error_new(ERROR_INVALID, "%s: given twice, in two spellings", field->name);
		values[field - fields] = value;
	}
	for (size_t i = 0; i < count; i++)
		if (values[i] && fields[i].read && !json_is_null(values[i]))
			TRY_CTX(fields[i].read(values[i], fields[i].argument, to), "%s",
				fields[i].name);
	return NULL;
}

error *field_type(const json_t *value, const char *expected)
{
	return error_new(ERROR_INVALID, "%s expected, %s found", expected, json_type_name(value));
}

error *field_list(const json_t *value)
{
	if (!json_is_array(value))
		return field_type(value, "array");
	if (json_array_size(value) > FIELD_LIST_MAX)
		return error_new(ERROR_INVALID, "%zu entries: at most %d expected",
				 json_array_size(value), FIELD_LIST_MAX);
	return NULL;
}

error *field_boolean(const json_t *value, bool *ret)
{
	if (!json_is_boolean(value))
		return field_type(value, "boolean");
	*ret = json_is_true(value);
	return NULL;
}

error *field_integer(const json_t *value, int64_t least, int64_t most, int64_t *ret)
{
	if (!json_is_integer(value))
		return field_type(value, "integer");
	int64_t number = json_integer_value(value);
	if (number < least || number > most)
		return error_new(ERROR_INVALID, "%lld: an integer from %lld to %lld expected",
				 (long long)number, (long long)least, (long long)most);
	*ret = number;
	return NULL;
}

error *field_text(const json_t *value, bytes *ret)
{
	bytes text = json_bytes(value);
	if (!json_is_string(value))
		return field_type(value, "string");
	if (text.size > FIELD_TEXT_MAX)
		return error_new(ERROR_INVALID, "text of %zu bytes: at most %d expected", text.size,
				 FIELD_TEXT_MAX);
	if (text.size && memchr(text.data, 0, text.size))
		return error_new(ERROR_INVALID, "text with a NUL");
	*ret = text;
	return NULL;
}

error *field_ascii(const json_t *value, bytes *ret)
{
	bytes text;
	TRY(field_text(value, &text));
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
			return error_new(ERROR_INVALID, "character 0x%02x at position %zu: printable "
					 "ASCII without blanks expected", text.data[i], i);
	*ret = text;
	return NULL;
}

error *field_oid(json_t *value, ASN1_OBJECT **ret)
{
	char text[OID_ARCS_MAX * 11 + 1] = "";
	size_t length = 0, index;
	json_t *arc;
	if (!json_is_array(value))
		return field_type(value, "object identifier (array of integers)");
	if (json_array_size(value) < 2 || json_array_size(value) > OID_ARCS_MAX)
		return error_new(ERROR_INVALID, "object identifier of %zu integers: 2 to %d expected",
				 json_array_size(value), OID_ARCS_MAX);
	json_array_foreach(value, index, arc) {
		int64_t number;
		TRY_CTX(field_integer(arc, 0, INT32_MAX, &number), "integer %zu", index + 1);
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld",
					   index ? "." : "", (long long)number);
	}
	ASN1_OBJECT *object = OBJ_txt2obj(text, 1);
	if (!object)
		return openssl_error(ERROR_INVALID, "%s is no object identifier", text);
	*ret = object;
	return NULL;
}

error *field_time(const json_t *value, int64_t *ret)
{
	bytes text;
	char quoted[64];
	TRY(field_text(value, &text));
	snprintf(quoted, sizeof quoted, "\"%.48s\"", json_string_value(value));
	return timestamp_parse(text, quoted, ret);
}
