#include "attest/sgx/signed_json.h"

#include "codec/hex.h"

enum { DOCUMENT_SIZE_MAX = 1 << 20 };

void signed_json_free(struct signed_json *document)
{
	json_decref(document->parsed);
	document->parsed = NULL;
}

static bytes skip_blanks(bytes text)
{
	while (text.size && (text.data[0] == ' ' || text.data[0] == '\t' || text.data[0] == '\n' ||
			     text.data[0] == '\r'))
		text = bytes_slice(text, 1, SIZE_MAX);
	return text;
}

/* The document was parsed already, so it is well-formed: the end of a value is where its brackets
 * close, or its string ends. */
static size_t value_size(bytes text)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
		} else {
			in_string = c == '"';
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
		}
		if (!in_string && depth == 0)
			return i + 1;
	}
	return text.size;
}

/* The bytes of a member of the outermost object, found by walking it: a member of the same name
 * deeper inside is not it. Members' values are objects and strings only. */
static bytes find_member(bytes document, const char *name)
{
	bytes rest = bytes_slice(skip_blanks(document), 1, SIZE_MAX);
	while ((rest = skip_blanks(rest)).size && rest.data[0] == '"') {
		size_t key_size = value_size(rest);
		bytes key = bytes_slice(rest, 1, key_size - 2);
		rest = skip_blanks(bytes_slice(rest, key_size, SIZE_MAX));
		rest = skip_blanks(bytes_slice(rest, 1, SIZE_MAX)); /* ':' */
		bytes value = bytes_slice(rest, 0, value_size(rest));
		if (bytes_equal_string(key, name))
			return value;
		rest = skip_blanks(bytes_slice(rest, value.size, SIZE_MAX));
		rest = bytes_slice(rest, 1, SIZE_MAX); /* ',' */
	}
	return BYTES_EMPTY;
}

error *signed_json_parse(bytes document, const char *body_name, const char *what, struct signed_json *ret)
{
	CLEANUP_JSON json_t *outer = NULL;
	struct signed_json found = { 0 };
	if (!document.size || document.size > DOCUMENT_SIZE_MAX)
		return error_new(ERROR_INVALID, "the %s is missing or too large", what);
	TRY(json_parse(document, what, &outer));
	json_t *body = json_object_get(outer, body_name), *signature = json_object_get(outer, "signature");
	if (!json_is_object(body) || !json_is_string(signature) || json_object_size(outer) != 2)
		return error_new(ERROR_INVALID, "the %s is no object of \"%s\" and \"signature\"", what,
				 body_name);
	TRY(hex_decode_into(json_bytes(signature), "signature", found.signature, sizeof found.signature));
	found.body = find_member(document, body_name);
	found.parsed = json_incref(body);
	*ret = found;
	return NULL;
}
