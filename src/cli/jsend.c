#include "cli/jsend.h"

#include "codec/base64.h"

static enum error_code code_of(long http_status)
{
	switch (http_status) {
	case 401:
		return ERROR_UNAUTHENTICATED;
	case 403:
		return ERROR_DENIED;
	case 404:
		return ERROR_NOT_FOUND;
	case 503:
		return ERROR_UNAVAILABLE;
	default:
		return http_status >= 500 ? ERROR_INTERNAL : ERROR_INVALID;
	}
}

static error *not_a_coordinator(const char *what, long http_status)
{
	return error_new(ERROR_INVALID, "%s: HTTP status %ld and no answer of a coordinator: is this the "
			 "address of its client API?", what, http_status);
}

error *jsend_data(long http_status, bytes body, const char *what, json_t **ret)
{
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP(error_free) error *unreadable = json_parse(body, "answer", &answer);
	const char *status = unreadable ? NULL : json_string_value(json_member(answer, "status"));
	if (!status)
		return not_a_coordinator(what, http_status);
	json_t *message = json_member(answer, "message"), *data = json_member(answer, "data");
	if (http_status == 200 && strcmp(status, "success") == 0) {
		*ret = json_is_null(data) ? NULL : json_incref(data);
		return NULL;
	}
	return error_new(code_of(http_status), "%s: %s", what,
			 json_is_string(message) ? json_string_value(message) : "refused without a reason");
}

error *json_text_member(json_t *object, const char *name, const char *what, bytes *ret)
{
	json_t *member = json_is_object(object) ? json_member(object, name) : NULL;
	if (!json_is_string(member))
		return error_new(ERROR_INVALID, "%s: the answer has no string \"%s\" (%s found)", what,
				 name, json_type_name(member));
	*ret = json_bytes(member);
	return NULL;
}

error *json_bytes_member(json_t *object, const char *name, const char *what, struct blob *ret)
{
	bytes text;
	TRY(json_text_member(object, name, what, &text));
	TRY_CTX(base64_decode(text, name, ret), "%s", what);
	return NULL;
}
