/* Reviews as API servers send them, and the answers to them: tests/vectors/admission/NAME.json and NAME.answer.json. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "codec/base64.h"
#include "injector/review.h"

static const struct injection_rules rules = {
	.coordinator = "coordinator-mesh-api.marblerun:2001",
	.cluster_domain = "cluster.local",
	.sgx_resource = SGX_INTEL,
	.tsm_classes = TSM_RUNTIME_CLASSES,
};

static void succeed(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static void read_vector(const char *name, struct blob *ret)
{
	CLEANUP_FREE char *path = NULL;
	assert_true(asprintf(&path, VECTORS "/admission/%s", name) > 0);
	succeed(file_read(path, 1 << 20, ret));
}

static json_t *parse(bytes text)
{
	json_t *value = NULL;
	succeed(json_parse(text, "it", &value));
	return value;
}

/* What the answer says, in the words of the expectation. */
static json_t *summary(const json_t *response)
{
	json_t *result = json_object();
	json_t *patch = json_object_get(response, "patch"), *warnings = json_object_get(response, "warnings");
	json_t *status = json_object_get(response, "status");
	json_object_set(result, "allowed", json_object_get(response, "allowed"));
	assert_int_equal(!patch, !json_object_get(response, "patchType"));
	if (patch) {
		CLEANUP(blob_free) struct blob text = { 0 };
		assert_string_equal(json_string_value(json_object_get(response, "patchType")), "JSONPatch");
		succeed(base64_decode(json_bytes(patch), "patch", &text));
		json_object_set_new(result, "patch", parse(blob_view(&text)));
	}
	if (warnings)
		json_object_set(result, "warnings", warnings);
	if (status) {
		assert_string_equal(json_string_value(json_object_get(status, "status")), "Failure");
		assert_int_equal(json_integer_value(json_object_get(status, "code")), 400);
		json_object_set(result, "message", json_object_get(status, "message"));
	}
	return result;
}

static json_t *text_of(json_t *object, const char *a, const char *b)
{
	json_t *inner = json_object_get(object, a);
	return b ? json_object_get(inner, b) : inner;
}

static void check_envelope(json_t *review, json_t *answer)
{
	assert_true(json_equal(text_of(answer, "apiVersion", NULL), text_of(review, "apiVersion", NULL)));
	assert_true(json_equal(text_of(answer, "kind", NULL), text_of(review, "kind", NULL)));
	assert_true(json_equal(text_of(answer, "response", "uid"), text_of(review, "request", "uid")));
}

static void check_outcome(const json_t *expected, const struct review_answer *a)
{
	bool allowed = json_is_true(json_object_get(expected, "allowed"));
	bool patched = json_object_get(expected, "patch");
	assert_int_equal(a->outcome, !allowed ? REVIEW_REFUSED : patched ? REVIEW_INJECTED : REVIEW_UNCHANGED);
	assert_int_equal(!!*a->message, json_object_get(expected, "message") || json_object_get(expected, "warnings"));
}

static void check(const char *name)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(blob_free) struct blob wanted = { 0 };
	CLEANUP(review_answer_free) struct review_answer answer = { 0 };
	char file[NAME_MAX + 16];
	snprintf(file, sizeof file, "%s.json", name);
	read_vector(file, &text);
	snprintf(file, sizeof file, "%s.answer.json", name);
	read_vector(file, &wanted);
	succeed(review_answer(&rules, blob_view(&text), &answer));
	CLEANUP_JSON json_t *review = parse(blob_view(&text));
	CLEANUP_JSON json_t *expected = parse(blob_view(&wanted));
	CLEANUP_JSON json_t *given = parse(blob_view(&answer.body));
	check_envelope(review, given);
	CLEANUP_JSON json_t *said = summary(json_object_get(given, "response"));
	if (!json_equal(said, expected)) {
		CLEANUP_FREE char *shown = json_dumps(said, JSON_INDENT(1));
		fail_msg("%s: %s", name, shown);
	}
	check_outcome(expected, &answer);
}

static void test_vectors(void **state)
{
	static const char suffix[] = ".answer.json";
	DIR *folder = opendir(VECTORS "/admission");
	size_t count = 0;
	(void)state;
	assert_non_null(folder);
	for (const struct dirent *entry; (entry = readdir(folder));) {
		char name[NAME_MAX + 1];
		const char *end = strstr(entry->d_name, suffix);
		if (!end || end[sizeof suffix - 1])
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(end - entry->d_name), entry->d_name);
		check(name);
		count++;
	}
	closedir(folder);
	assert_true(count >= 40);
}

static void refused(const char *text, const char *why)
{
	struct review_answer answer = { 0 };
	CLEANUP(error_free) error *e = review_answer(&rules, bytes_of_string(text), &answer);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_INVALID);
	if (strncmp(error_message(e), why, strlen(why)) != 0)
		fail_msg("%s expected: %s", why, error_message(e));
	assert_null(answer.body.data);
}

#define V1 "\"apiVersion\":\"admission.k8s.io/v1\""
#define REVIEW "\"kind\":\"AdmissionReview\""

static void test_what_can_not_be_answered(void **state)
{
	(void)state;
	refused("", "AdmissionReview: line 1, column 0");
	refused("{", "AdmissionReview: line 1, column 1");
	refused("{} {}", "AdmissionReview: line 1, column 4");
	refused("[]", "AdmissionReview: object expected, not array");
	refused("{}", "AdmissionReview: kind: \"AdmissionReview\" expected");
	refused("{\"kind\":\"Pod\"}", "AdmissionReview: kind: \"AdmissionReview\" expected");
	refused("{" REVIEW "}", "AdmissionReview: apiVersion: \"admission.k8s.io/v1\" expected");
	refused("{" REVIEW ",\"apiVersion\":\"admission.k8s.io/v2\"}", "AdmissionReview: apiVersion: ");
	refused("{" REVIEW "," V1 "}", "AdmissionReview: request: missing");
	refused("{" REVIEW "," V1 ",\"request\":null}", "AdmissionReview: request: missing");
	refused("{" REVIEW "," V1 ",\"request\":[]}", "AdmissionReview: request: object expected, not array");
	refused("{" REVIEW "," V1 ",\"request\":{}}", "AdmissionReview: request.uid: missing");
	refused("{" REVIEW "," V1 ",\"request\":{\"uid\":1}}",
		"AdmissionReview: request.uid: string expected, not integer");
	refused("{" REVIEW "," V1 ",\"request\":{\"uid\":\"a\\u0000\"}}", "AdmissionReview: request.uid: holds a NUL");
}

/* Cut for the log, whole in the answer. */
static void test_long_names(void **state)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	CLEANUP(review_answer_free) struct review_answer answer = { 0 };
	(void)state;
	write_string(&w, "{" REVIEW "," V1 ",\"request\":{\"operation\":\"DELETE\",\"uid\":\"");
	for (int i = 0; i < 3000; i++)
		write_string(&w, "u");
	write_string(&w, "\"}}");
	succeed(review_answer(&rules, writer_view(&w), &answer));
	assert_int_equal(strlen(answer.uid), sizeof answer.uid - 1);
	CLEANUP_JSON json_t *given = parse(blob_view(&answer.body));
	assert_int_equal(json_string_length(text_of(given, "response", "uid")), 3000);
}

static void repeat(const char *part, size_t count, struct writer *w)
{
	write_string(w, "{\"a,\\\"[{\":[0");
	for (size_t i = 0; i < count; i++)
		write_string(w, part);
	write_string(w, "]}");
}

/* Text can become hundreds of times as large when it is read: what is in strings does not count. */
static void test_what_would_take_too_much_memory(void **state)
{
	static const struct {
		const char *part;
		size_t count;
		const char *why;
	} cases[] = {
		{ ",{}", REVIEW_CONTAINERS_MAX - 1, "AdmissionReview: more than 150000 objects and arrays" },
		{ ",[]", REVIEW_CONTAINERS_MAX - 1, "AdmissionReview: more than 150000 objects and arrays" },
		{ ",1", REVIEW_VALUES_MAX + 1, "AdmissionReview: more than 1000000 values" },
		{ ",{}", REVIEW_CONTAINERS_MAX - 2, "AdmissionReview: kind: " },
		{ ",1", REVIEW_VALUES_MAX, "AdmissionReview: kind: " },
		{ ",\"{[,\\\",{\"", REVIEW_CONTAINERS_MAX, "AdmissionReview: kind: " },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(writer_free) struct writer w = { 0 };
		repeat(cases[i].part, cases[i].count, &w);
		CLEANUP_FREE char *text = writer_take_string(&w);
		assert_non_null(text);
		refused(text, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_what_can_not_be_answered),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_what_would_take_too_much_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
