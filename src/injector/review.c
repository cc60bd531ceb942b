#include "injector/review.h"

#include <stdio.h>

#include "codec/base64.h"
#include "injector/fields.h"

#define API_VERSION "admission.k8s.io/v1"
#define API_VERSION_OLD "admission.k8s.io/v1beta1"

const char *review_outcome_name(enum review_outcome outcome)
{
	static const char *const names[REVIEW_OUTCOMES] = { "injected", "unchanged", "refused" };
	return names[outcome];
}

void review_answer_free(struct review_answer *a)
{
	blob_free(&a->body);
}

/* What the answer must say of the request. Texts are the review's. */
struct request {
	json_t *object; /* "request" */
	const char *version, *uid;
};

static error *read_version(const json_t *review, struct request *r)
{
	const char *kind;
	TRY(field_text(review, "", "kind", &kind));
	if (strcmp(kind, "AdmissionReview") != 0)
		return error_new(ERROR_INVALID, "kind: \"AdmissionReview\" expected");
	TRY(field_text(review, "", "apiVersion", &r->version));
	if (strcmp(r->version, API_VERSION) != 0 && strcmp(r->version, API_VERSION_OLD) != 0)
		return error_new(ERROR_INVALID, "apiVersion: \"" API_VERSION "\" expected");
	return NULL;
}

/* What fails here can't be answered: nobody would know what the answer belongs to. */
static error *read_request(const json_t *review, struct request *r)
{
	if (!json_is_object(review))
		return error_new(ERROR_INVALID, "object expected, not %s", json_type_name(review));
	TRY(read_version(review, r));
	TRY(field_get(review, "", "request", JSON_OBJECT, &r->object));
	if (!r->object)
		return error_new(ERROR_INVALID, "request: missing");
	TRY(field_text(r->object, "request", "uid", &r->uid));
	return *r->uid ? NULL : error_new(ERROR_INVALID, "request.uid: missing");
}

static error *check_version(const struct request *r)
{
	if (strcmp(r->version, API_VERSION) == 0)
		return NULL;
	return error_new(ERROR_INVALID, "this webhook speaks " API_VERSION ", not " API_VERSION_OLD
			 "; \"v1\" is expected in its admissionReviewVersions");
}

static error *check_kind(const struct request *r)
{
	const char *group = field_find(r->object, "kind", "group", NULL);
	const char *kind = field_find(r->object, "kind", "kind", NULL);
	if (strcmp(kind, "Pod") == 0 && !*group)
		return NULL;
	return error_new(ERROR_INVALID, "this webhook takes pods, not \"%.63s\" of \"%.63s\"; its configuration has "
			 "wrong rules", kind, group);
}

/* Only a pod that is about to be made can still change. */
static error *asks_for_injection(const struct request *r, bool *ret)
{
	const char *operation, *subresource;
	TRY(field_text(r->object, "request", "operation", &operation));
	TRY(field_text(r->object, "request", "subResource", &subresource));
	if (!*operation)
		return error_new(ERROR_INVALID, "request.operation: missing");
	*ret = strcmp(operation, "CREATE") == 0 && !*subresource;
	return NULL;
}

/* The API server fills in the pod's own namespace later. */
static error *read_namespace(const struct request *r, const char **ret)
{
	TRY(field_text(r->object, "request", "namespace", ret));
	if (!**ret)
		*ret = field_find(r->object, "object", "metadata", "namespace", NULL);
	if (!**ret)
		*ret = "default";
	return NULL;
}

static error *judge(const struct injection_rules *rules, const struct request *r, struct injection *ret)
{
	json_t *pod;
	bool asked = false;
	const char *namespace;
	TRY(check_version(r));
	TRY(asks_for_injection(r, &asked));
	if (!asked)
		return NULL;
	TRY(check_kind(r));
	TRY(read_namespace(r, &namespace));
	TRY(field_get(r->object, "request", "object", JSON_OBJECT, &pod));
	if (!pod)
		return error_new(ERROR_INVALID, "request.object: missing");
	return pod_inject(rules, pod, namespace, ret);
}

/* The response as base64 of the patch's text; its type goes with it. */
static error *add_patch(json_t *response, const json_t *patch)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(writer_free) struct writer encoded = { 0 };
	TRY(json_print(patch, JSON_COMPACT, &text));
	write_base64(&encoded, blob_view(&text));
	CLEANUP_FREE char *value = writer_take_string(&encoded);
	TRY_ALLOC(value);
	if (json_object_set_new(response, "patchType", json_string("JSONPatch")) != 0 ||
	    json_object_set_new(response, "patch", json_string(value)) != 0)
		return error_no_memory();
	return NULL;
}

static error *allow(const struct request *r, const struct injection *injection, json_t **ret)
{
	CLEANUP_JSON json_t *response = json_pack("{s:s, s:b}", "uid", r->uid, "allowed", 1);
	TRY_ALLOC(response);
	if (json_array_size(injection->patch))
		TRY(add_patch(response, injection->patch));
	if (json_array_size(injection->warnings) &&
	    json_object_set(response, "warnings", injection->warnings) != 0)
		return error_no_memory();
	*ret = TAKE(response);
	return NULL;
}

static error *refuse(const struct request *r, const error *why, json_t **ret)
{
	bool theirs = error_code(why) == ERROR_INVALID;
	json_t *response = json_pack("{s:s, s:b, s:{s:s, s:s, s:s, s:i}}", "uid", r->uid, "allowed", 0, "status",
				     "status", "Failure", "message", error_message(why), "reason",
				     theirs ? "BadRequest" : "InternalError", "code", theirs ? 400 : 500);
	TRY_ALLOC(response);
	*ret = response;
	return NULL;
}

static error *print(const struct request *r, json_t *response, struct blob *ret)
{
	CLEANUP_JSON json_t *review = json_pack("{s:s, s:s, s:O}", "apiVersion", r->version, "kind",
						"AdmissionReview", "response", response);
	TRY_ALLOC(review);
	return json_print(review, JSON_COMPACT, ret);
}

/* A pod that belongs to something has no name yet. */
static void describe(const struct request *r, const struct injection *injection, struct review_answer *a)
{
	const char *name = field_find(r->object, "name", NULL);
	if (!*name)
		name = field_find(r->object, "object", "metadata", "generateName", NULL);
	snprintf(a->uid, sizeof a->uid, "%s", r->uid);
	snprintf(a->namespace, sizeof a->namespace, "%s", field_find(r->object, "namespace", NULL));
	snprintf(a->name, sizeof a->name, "%s", name);
	snprintf(a->type, sizeof a->type, "%s", injection->type);
	snprintf(a->message, sizeof a->message, "%s",
		 json_array_size(injection->warnings)
			 ? json_string_value(json_array_get(injection->warnings, 0)) : "");
}

static error *respond(const struct request *r, const struct injection *injection, const error *refused,
		      struct review_answer *a)
{
	CLEANUP_JSON json_t *response = NULL;
	describe(r, injection, a);
	if (refused) {
		a->outcome = REVIEW_REFUSED;
		snprintf(a->message, sizeof a->message, "%s", error_message(refused));
		TRY(refuse(r, refused, &response));
	} else {
		a->outcome = json_array_size(injection->patch) ? REVIEW_INJECTED : REVIEW_UNCHANGED;
		TRY(allow(r, injection, &response));
	}
	return print(r, response, &a->body);
}

/* Before memory is taken for it. Behind what is no JSON, the count means nothing, and nothing depends on it. */
static error *check_count(bytes text)
{
	size_t containers = 0, values = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c == '"')
			in_string = !in_string;
		else if (in_string)
			i += c == '\\';
		else if (c == '{' || c == '[')
			containers++;
		else
			values += c == ',';
	}
	if (containers > REVIEW_CONTAINERS_MAX)
		return error_new(ERROR_INVALID, "AdmissionReview: more than %d objects and arrays",
				 REVIEW_CONTAINERS_MAX);
	if (values > REVIEW_VALUES_MAX)
		return error_new(ERROR_INVALID, "AdmissionReview: more than %d values", REVIEW_VALUES_MAX);
	return NULL;
}

error *review_answer(const struct injection_rules *rules, bytes review, struct review_answer *ret)
{
	CLEANUP_JSON json_t *parsed = NULL;
	CLEANUP(injection_free) struct injection injection = { 0 };
	CLEANUP(review_answer_free) struct review_answer answer = { 0 };
	struct request request;
	TRY(check_count(review));
	TRY(json_parse(review, "AdmissionReview", &parsed));
	TRY_CTX(read_request(parsed, &request), "AdmissionReview");
	CLEANUP(error_free) error *refused = judge(rules, &request, &injection);
	TRY(respond(&request, &injection, refused, &answer));
	*ret = answer;
	answer = (struct review_answer){ 0 };
	return NULL;
}
