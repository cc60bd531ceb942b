#include "kubernetes/answer.h"

#include <stdio.h>

static const struct {
	long status;
	enum error_code code;
	const char *meaning;
} statuses[] = {
	{ 400, ERROR_INVALID, "bad request" },
	{ 401, ERROR_UNAUTHENTICATED, "the server does not know who we are" },
	{ 403, ERROR_DENIED, "forbidden" },
	{ 404, ERROR_NOT_FOUND, "not found" },
	{ 405, ERROR_UNSUPPORTED, "not allowed" },
	{ 409, ERROR_CONFLICT, "conflict" },
	{ 410, ERROR_WRONG_STATE, "gone" },
	{ 413, ERROR_TOO_LARGE, "too large" },
	{ 415, ERROR_UNSUPPORTED, "the server is too old for server-side apply" },
	{ 422, ERROR_INVALID, "the object is not valid" },
	{ 429, ERROR_UNAVAILABLE, "the server is busy" },
};

static void look_up(long status, enum error_code *code, const char **meaning)
{
	*code = status >= 500 ? ERROR_UNAVAILABLE : ERROR_INTERNAL;
	*meaning = status >= 500 ? "the server failed" : "not what a Kubernetes API answers";
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (statuses[i].status != status)
			continue;
		*code = statuses[i].code;
		*meaning = statuses[i].meaning;
	}
}

static bool is_status(const json_t *body)
{
	const char *kind = json_string_value(json_object_get(body, "kind"));
	return kind && strcmp(kind, "Status") == 0;
}

static bool repeats(bytes words, bytes secret)
{
	return secret.size && words.size && memmem(words.data, words.size, secret.data, secret.size);
}

/* Does it hold our token, or a value of the Secret that was sent? */
static bool repeats_secret(bytes words, const struct kube_request *request, bytes token)
{
	const char *kind = json_string_value(json_object_get(request->body, "kind")), *name;
	json_t *data = json_object_get(request->body, "data"), *value;
	if (repeats(words, token))
		return true;
	if (!kind || strcmp(kind, "Secret") != 0)
		return false;
	json_object_foreach(data, name, value)
		if (repeats(words, json_bytes(value)))
			return true;
	return false;
}

/* The server's own words: "message" of a Status. */
static bytes words_of(const struct kube_request *request, const json_t *body, bytes token)
{
	enum { WORDS_MAX = 2000 };
	bytes words = is_status(body) ? json_bytes(json_object_get(body, "message")) : BYTES_EMPTY;
	if (repeats_secret(words, request, token))
		return bytes_of_string("(the server's message repeats a secret, so it is not shown)");
	return bytes_slice(words, 0, WORDS_MAX);
}

static error *refusal(const struct kube_request *request, long status, const json_t *body, bytes token)
{
	enum error_code code;
	const char *meaning;
	bytes words = words_of(request, body, token);
	int path = (int)strcspn(request->path, "?");
	look_up(status, &code, &meaning);
	/* Any web server says 404; only a Kubernetes API says it of its objects. */
	if (code == ERROR_NOT_FOUND && !is_status(body)) {
		code = ERROR_INTERNAL;
		meaning = "not found, and not by a Kubernetes API";
	}
	return error_new(code, "%s %.*s: %s (%ld)%s%.*s", request->method, path, request->path, meaning, status,
			 words.size ? ": " : "", (int)words.size, (const char *)words.data);
}

error *kube_answer(const struct kube_request *request, long status, bytes body, bytes token, json_t **ret)
{
	CLEANUP_JSON json_t *answer = NULL;
	bool good = status >= 200 && status < 300;
	error *e = json_parse(body, "the answer", &answer);
	if (!good) {
		error_free(e);
		return refusal(request, status, answer, token);
	}
	TRY_CTX(error_recode(e, ERROR_INTERNAL), "%s %s", request->method, request->path);
	if (!json_is_object(answer))
		return error_new(ERROR_INTERNAL, "%s %s: the answer is of type %s; an object is expected",
				 request->method, request->path, json_type_name(answer));
	if (ret)
		*ret = TAKE(answer);
	return NULL;
}
