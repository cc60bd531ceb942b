#include "attest/sgx/document.h"

#include <string.h>

#include "codec/hex.h"

error *document_lacks(const char *document, const char *name, const char *expected)
{
	return error_new(ERROR_INVALID, "%s: %s: %s is expected", document, name, expected);
}

error *document_text(const json_t *object, const char *document, const char *name, const char **ret)
{
	json_t *value = json_object_get(object, name);
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return document_lacks(document, name, "a string");
	*ret = json_string_value(value);
	return NULL;
}

error *document_number(const json_t *object, const char *document, const char *name, json_int_t most,
			 json_int_t *ret)
{
	json_t *value = json_object_get(object, name);
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > most)
		return document_lacks(document, name, "an integer that fits");
	*ret = json_integer_value(value);
	return NULL;
}

error *document_hex(const json_t *object, const char *document, const char *name, uint8_t *to, size_t size)
{
	const char *text;
	TRY(document_text(object, document, name, &text));
	TRY_CTX(hex_decode_into(bytes_of_string(text), name, to, size), "%s", document);
	return NULL;
}

error *document_dates(const json_t *body, const char *document, int64_t at, struct window *window)
{
	const char *issued, *next;
	int64_t from, until;
	TRY(document_text(body, document, "issueDate", &issued));
	TRY(document_text(body, document, "nextUpdate", &next));
	TRY(time_of_text(issued, document, &from));
	TRY(time_of_text(next, document, &until));
	return window_narrow(window, from, until, at, document);
}

error *document_levels(const json_t *body, const char *document, json_t **ret)
{
	*ret = json_object_get(body, "tcbLevels");
	if (!json_is_array(*ret) || !json_array_size(*ret) || json_array_size(*ret) > LEVELS_MAX)
		return document_lacks(document, "tcbLevels", "an array of levels");
	return NULL;
}

error *document_masked(const json_t *object, const char *document, const char *name,
		       const char *mask_name, const uint8_t *value, size_t size)
{
	uint8_t expected[16], mask[16];
	if (size > sizeof expected)
		return error_new(ERROR_INTERNAL, "%s: %zu bytes", name, size);
	TRY(document_hex(object, document, name, expected, size));
	TRY(document_hex(object, document, mask_name, mask, size));
	for (size_t i = 0; i < size; i++)
		if ((value[i] & mask[i]) != expected[i])
			return error_new(ERROR_DENIED, "%s: %s is not what the evidence has", document, name);
	return NULL;
}
