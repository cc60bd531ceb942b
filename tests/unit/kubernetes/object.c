#include "testing.h"

#include "kubernetes/answer.h"
#include "kubernetes/object.h"

static void paths(void **state)
{
	(void)state;
	static const struct {
		struct kube_name name;
		const char *path;
	} cases[] = {
		{ { "v1", "Namespace", NULL, "a" }, "/api/v1/namespaces/a" },
		{ { "v1", "Secret", "n", "a.b-c" }, "/api/v1/namespaces/n/secrets/a.b-c" },
		{ { "apps/v1", "Deployment", "n", "a" }, "/apis/apps/v1/namespaces/n/deployments/a" },
		{ { "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", NULL, "a" },
		  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *path = NULL;
		must(kube_path(&cases[i].name, &path));
		assert_string_equal(path, cases[i].path);
	}
}

/* Nothing in a name may lead elsewhere. */
static void names_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ".", "..", "a/b", "a..b", "../a", "A", "a?b", "a%2fb", "-a", "a-",
					   "a\n" };
	char *path;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_refused(kube_path(&(struct kube_name){ "v1", "Secret", "n", bad[i] }, &path), ERROR_INVALID, "");
		assert_refused(kube_path(&(struct kube_name){ "v1", "Secret", bad[i], "a" }, &path), ERROR_INVALID, "");
	}
	assert_refused(kube_path(&(struct kube_name){ "v1", "Secret", NULL, "a" }, &path), ERROR_INVALID, "");
	assert_refused(kube_path(&(struct kube_name){ "v1", "Namespace", "n", "a" }, &path), ERROR_INVALID, "");
	assert_refused(kube_path(&(struct kube_name){ "v2", "Secret", "n", "a" }, &path), ERROR_INVALID, "");
}

static void labels(void **state)
{
	(void)state;
	must(kube_label_check("a", "it"));
	must(kube_label_check("0-a", "it"));
	must(kube_label_check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "it"));
	static const char *const bad[] = { "", "-", "a-", "A", "a.b", "a_b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(kube_label_check(bad[i], "it"), ERROR_INVALID, "it is");
}

static error *answer(long status, const char *body, json_t **ret)
{
	return kube_answer(&(struct kube_request){ .method = "GET", .path = "/p?q" }, status, bytes_of_string(body),
			   bytes_of_string("the-token"), ret);
}

static void answers(void **state)
{
	(void)state;
	static const struct {
		long status;
		enum error_code code;
	} cases[] = {
		{ 400, ERROR_INVALID }, { 401, ERROR_UNAUTHENTICATED }, { 403, ERROR_DENIED }, { 404, ERROR_NOT_FOUND },
		{ 409, ERROR_CONFLICT }, { 410, ERROR_WRONG_STATE }, { 422, ERROR_INVALID }, { 429, ERROR_UNAVAILABLE },
		{ 500, ERROR_UNAVAILABLE }, { 302, ERROR_INTERNAL }, { 418, ERROR_INTERNAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(answer(cases[i].status, "{\"kind\":\"Status\",\"message\":\"these words\"}", NULL),
			       cases[i].code, "GET /p: ", "these words");
	assert_refused(answer(404, "not here", NULL), ERROR_INTERNAL, "not by a Kubernetes API");
	assert_refused(answer(200, "{", NULL), ERROR_INTERNAL, "the answer");
	assert_refused(answer(200, "[]", NULL), ERROR_INTERNAL, "an object is expected");
	must(answer(201, "{}", NULL));
}

static void a_token_is_not_repeated(void **state)
{
	(void)state;
	error *e = answer(403, "{\"kind\":\"Status\",\"message\":\"x the-token y\"}", NULL);
	assert_null(strstr(error_message(e), "the-token"));
	assert_refused(e, ERROR_DENIED, "not shown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths), cmocka_unit_test(names_that_are_none), cmocka_unit_test(labels),
		cmocka_unit_test(answers), cmocka_unit_test(a_token_is_not_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
