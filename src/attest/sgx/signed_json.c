#include "attest/sgx/signed_json.h"

#include "codec/hex.h"
#include "codec/json.h"
#include "codec/json_walk.h"

enum { DOCUMENT_SIZE_MAX = 1 << 20 };

static error *read_signature(bytes text, const char *what, uint8_t to[64])
{
	CLEANUP_JSON json_t *signature = NULL;
	TRY(json_parse(text, what, &signature));
	if (!json_is_string(signature))
		return error_new(ERROR_INVALID, "%s: signature: a string is expected", what);
	return hex_decode_into(json_bytes(signature), "signature", to, 64);
}

/* What one member is; another one, or one of them again, is refused. */
static error *read_member(bytes name, bytes value, const char *body_name, const char *what, bool *has_signature,
			  struct signed_json *found)
{
	bool is_body = bytes_equal_string(name, body_name), is_signature = bytes_equal_string(name, "signature");
	if ((!is_body && !is_signature) || (is_body && found->body.size) || (is_signature && *has_signature))
		return error_new(ERROR_INVALID, "the %s is no object of one \"%s\" and one \"signature\"", what,
				 body_name);
	if (is_body) {
		found->body = value;
		return NULL;
	}
	*has_signature = true;
	return read_signature(value, what, found->signature);
}

error *signed_json_read(bytes document, const char *body_name, const char *what, struct signed_json *ret)
{
	struct signed_json found = { 0 };
	struct json_walk walk;
	bool has_signature = false, more = true;
	bytes name, value;
	while (document.size && document.data[document.size - 1] == 0)
		document.size--;
	if (!document.size || document.size > DOCUMENT_SIZE_MAX)
		return error_new(ERROR_INVALID, "the %s is missing or too large", what);
	TRY(json_walk_begin(document, '{', what, &walk));
	for (;;) {
		TRY(json_walk_next(&walk, &more, &name, &value));
		if (!more)
			break;
		TRY(read_member(name, value, body_name, what, &has_signature, &found));
	}
	if (!has_signature || !found.body.size || found.body.data[0] != '{')
		return error_new(ERROR_INVALID, "the %s is no object of one \"%s\" and one \"signature\"", what,
				 body_name);
	*ret = found;
	return NULL;
}
