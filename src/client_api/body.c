#include "client_api/body.h"

#include "codec/base64.h"

error *body_object(const struct http_exchange *x, const char *form, json_t **ret)
{
	CLEANUP_JSON json_t *body = NULL;
	TRY(json_parse(x->body, "request body", &body));
	if (!json_is_object(body))
		return error_new(ERROR_INVALID, "request body: an object %s is expected", form);
	*ret = TAKE(body);
	return NULL;
}

error *body_base64(json_t *object, const char *name, struct blob *ret)
{
	json_t *text = json_member(object, name);
	if (!json_is_string(text))
		return error_new(ERROR_INVALID, "request body: an object {\"%s\": base64} is expected", name);
	TRY_CTX(base64_decode(json_bytes(text), name, ret), "request body");
	return NULL;
}

error *body_manifest(const struct http_exchange *x, struct blob *ret)
{
	CLEANUP_JSON json_t *body = NULL;
	TRY(body_object(x, "{\"manifest\": base64}", &body));
	return body_base64(body, "manifest", ret);
}

void write_recovery_secrets(struct writer *w, const struct named_blobs *secrets)
{
	write_string(w, "{");
	for (size_t i = 0; i < secrets->count; i++) {
		write_string(w, i ? "," : "");
		write_json_string(w, bytes_of_string(secrets->items[i].name));
		write_string(w, ":\"");
		write_base64(w, blob_view(&secrets->items[i].value));
		write_string(w, "\"");
	}
	write_string(w, "}");
}
