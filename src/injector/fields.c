#include "injector/fields.h"

#include <stdarg.h>

static const char *type_name(json_type type)
{
	return type == JSON_OBJECT ? "object" : type == JSON_ARRAY ? "array" : "string";
}

error *field_get(const json_t *object, const char *where, const char *name, json_type type, json_t **ret)
{
	json_t *value = json_object_get(object, name);
	if (!value || json_is_null(value)) {
		*ret = NULL;
		return NULL;
	}
	if (json_typeof(value) != type)
		return error_new(ERROR_INVALID, "%s%s%s: %s expected, not %s", where, *where ? "." : "", name,
				 type_name(type), json_type_name(value));
	*ret = value;
	return NULL;
}

error *field_text(const json_t *object, const char *where, const char *name, const char **ret)
{
	json_t *value;
	TRY(field_get(object, where, name, JSON_STRING, &value));
	if (value && strlen(json_string_value(value)) != json_string_length(value))
		return error_new(ERROR_INVALID, "%s%s%s: holds a NUL", where, *where ? "." : "", name);
	*ret = value ? json_string_value(value) : "";
	return NULL;
}

const char *field_find(const json_t *object, ...)
{
	va_list names;
	const char *name;
	va_start(names, object);
	while ((name = va_arg(names, const char *)))
		object = json_object_get(object, name);
	va_end(names);
	return json_is_string(object) ? json_string_value(object) : "";
}
