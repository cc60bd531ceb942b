#include "kubernetes/fields.h"

static error *wrong(const char *where, const char *name, const char *expected, const json_t *is)
{
	return error_new(ERROR_INVALID, "%s: \"%s\" is of type %s; %s is expected", where, name, json_type_name(is),
			 expected);
}

static const json_t *present(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return value && !json_is_null(value) ? value : NULL;
}

error *field_text(const json_t *object, const char *where, const char *name, const char **ret)
{
	const json_t *value = present(object, name);
	if (value && !json_is_string(value))
		return wrong(where, name, "a string", value);
	if (value && strlen(json_string_value(value)) != json_string_length(value))
		return error_new(ERROR_INVALID, "%s: \"%s\" holds a NUL", where, name);
	*ret = value ? json_string_value(value) : NULL;
	return NULL;
}

error *field_flag(const json_t *object, const char *where, const char *name, bool *ret)
{
	const json_t *value = present(object, name);
	if (value && !json_is_boolean(value))
		return wrong(where, name, "true or false", value);
	*ret = value && json_is_true(value);
	return NULL;
}

error *field_object(const json_t *object, const char *where, const char *name, json_t **ret)
{
	const json_t *value = present(object, name);
	if (value && !json_is_object(value))
		return wrong(where, name, "an object", value);
	*ret = json_object_get(value ? object : NULL, name);
	return NULL;
}

error *field_array(const json_t *object, const char *where, const char *name, json_t **ret)
{
	const json_t *value = present(object, name);
	if (value && !json_is_array(value))
		return wrong(where, name, "a list", value);
	*ret = json_object_get(value ? object : NULL, name);
	return NULL;
}

error *fields_known(const json_t *object, const char *where, const char *const *names)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		const char *const *known = names;
		while (*known && strcmp(*known, name) != 0)
			known++;
		if (!*known)
			return error_new(ERROR_INVALID, "%s: \"%.60s\" is not known here", where, name);
	}
	return NULL;
}
