#include "secrets/fields.h"

#include <stdio.h>
#include <openssl/objects.h>
#include <strings.h>
#include <time.h>

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

static bool take(const char **at, char wanted)
{
	bool found = **at == wanted;
	*at += found;
	return found;
}

/* Exactly `count` digits, a number from `least` to `most`. */
static bool take_number(const char **at, int count, int least, int most, int *ret)
{
	*ret = 0;
	for (int i = 0; i < count; i++, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*ret = *ret * 10 + (**at - '0');
	}
	return *ret >= least && *ret <= most;
}

/* "Z", "+01:00" or "-01:00", in seconds. */
static bool take_offset(const char **at, int *ret)
{
	int hours, minutes, sign = **at == '-' ? -1 : 1;
	*ret = 0;
	if (take(at, 'Z'))
		return true;
	if (!(take(at, '+') || take(at, '-')) || !take_number(at, 2, 0, 23, &hours) ||
	    !take(at, ':') || !take_number(at, 2, 0, 59, &minutes))
		return false;
	*ret = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool take_fraction(const char **at)
{
	if (!take(at, '.'))
		return true;
	size_t digits = strspn(*at, "0123456789");
	*at += digits;
	return digits > 0;
}

static bool parse_time(const char *at, struct tm *t, int *offset)
{
	return take_number(&at, 4, 0, 9999, &t->tm_year) && take(&at, '-') &&
	       take_number(&at, 2, 1, 12, &t->tm_mon) && take(&at, '-') &&
	       take_number(&at, 2, 1, 31, &t->tm_mday) && take(&at, 'T') &&
	       take_number(&at, 2, 0, 23, &t->tm_hour) && take(&at, ':') &&
	       take_number(&at, 2, 0, 59, &t->tm_min) && take(&at, ':') &&
	       take_number(&at, 2, 0, 59, &t->tm_sec) && take_fraction(&at) &&
	       take_offset(&at, offset) && !*at;
}

error *field_time(const json_t *value, int64_t *ret)
{
	bytes text;
	struct tm t = { 0 };
	int offset;
	TRY(field_text(value, &text));
	bool valid = parse_time(json_string_value(value), &t, &offset);
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	int day = t.tm_mday;
	int64_t seconds = timegm(&t);
	/* timegm makes the 1st of March of the 30th of February */
	if (!valid || t.tm_mday != day)
		return error_new(ERROR_INVALID, "\"%.*s\": a time like 2030-12-31T23:59:59Z expected",
				 (int)(text.size < 64 ? text.size : 64), (const char *)text.data);
	*ret = seconds - offset;
	return NULL;
}
