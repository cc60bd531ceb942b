/* What of a pod depends on where it runs: device plugins and runtime classes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "injector/inject.h"
#include "injector/patch.h"

static json_t *pod_of(const char *more)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	json_t *pod = NULL;
	write_format(&w, "{\"metadata\":{\"labels\":{\"marblerun/marbletype\":\"A.b\"}},"
			 "\"spec\":{\"containers\":[{\"name\":\"c\"}]%s}}", more);
	error *e = json_parse(writer_view(&w), "pod", &pod);
	assert_null(e);
	return pod;
}

/* The value that is added at the path; NULL when nothing is. */
static json_t *added(const struct injection *i, const char *path)
{
	json_t *operation;
	size_t n;
	json_array_foreach(i->patch, n, operation)
		if (strcmp(json_string_value(json_object_get(operation, "path")), path) == 0)
			return json_object_get(operation, "value");
	return NULL;
}

static void assert_json(const json_t *given, const char *expected)
{
	CLEANUP_JSON json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
	CLEANUP_FREE char *shown = json_dumps(given, JSON_ENCODE_ANY);
	assert_non_null(wanted);
	if (!json_equal(given, wanted))
		fail_msg("%s expected: %s", expected, shown);
}

static struct injection inject(const struct injection_rules *rules, const char *more)
{
	struct injection result = { 0 };
	CLEANUP_JSON json_t *pod = pod_of(more);
	error *e = pod_inject(rules, pod, "Shop", &result);
	if (e)
		fail_msg("%s", error_message(e));
	return result;
}

static struct injection_rules rules_with(const char *resource, const char *classes)
{
	return (struct injection_rules){ "mesh:2001", "corp.example", resource, classes };
}

static void test_resources(void **state)
{
	static const struct {
		const char *resource, *limits;
	} cases[] = {
		{ "sgx.intel.com/epc", "{\"limits\":{\"sgx.intel.com/epc\":\"10Mi\",\"sgx.intel.com/enclave\":\"1\","
				       "\"sgx.intel.com/provision\":\"1\"}}" },
		{ "kubernetes.azure.com/sgx_epc_mem_in_MiB",
		  "{\"limits\":{\"kubernetes.azure.com/sgx_epc_mem_in_MiB\":\"10\"}}" },
		{ "alibabacloud.com/sgx_epc_MiB", "{\"limits\":{\"alibabacloud.com/sgx_epc_MiB\":\"10\"}}" },
		{ "example.com/enclaves", "{\"limits\":{\"example.com/enclaves\":\"10\"}}" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct injection_rules rules = rules_with(cases[i].resource, "");
		CLEANUP(injection_free) struct injection done = inject(&rules, "");
		assert_json(added(&done, "/spec/containers/0/resources"), cases[i].limits);
		json_t *toleration = json_array_get(added(&done, "/spec/tolerations"), 0);
		assert_string_equal(json_string_value(json_object_get(toleration, "key")), cases[i].resource);
	}
}

static void test_no_sgx(void **state)
{
	struct injection_rules rules = rules_with("", "");
	CLEANUP(injection_free) struct injection done = inject(&rules, "");
	(void)state;
	assert_null(added(&done, "/spec/containers/0/resources"));
	assert_null(added(&done, "/spec/tolerations"));
	assert_non_null(added(&done, "/spec/containers/0/env"));
}

static void test_names(void **state)
{
	struct injection_rules rules = rules_with("", "");
	CLEANUP(injection_free) struct injection done = inject(&rules, "");
	(void)state;
	assert_string_equal(done.type, "A.b");
	assert_json(added(&done, "/spec/containers/0/env"),
		    "[{\"name\":\"EDG_MARBLE_COORDINATOR_ADDR\",\"value\":\"mesh:2001\"},"
		    "{\"name\":\"EDG_MARBLE_TYPE\",\"value\":\"A.b\"},"
		    "{\"name\":\"EDG_MARBLE_DNS_NAMES\",\"value\":\"a.b,a.b.shop,a.b.shop.svc.corp.example\"},"
		    "{\"name\":\"EDG_MARBLE_UUID_FILE\",\"value\":\"/A.b-uid/uuid-file\"}]");
}

/* Whole names of the list count, and none at all is in no list. */
static void test_runtime_classes(void **state)
{
	static const struct {
		const char *list, *pod;
		bool guest;
	} cases[] = {
		{ "tdx", ",\"runtimeClassName\":\"tdx\"", true },
		{ "a,tdx,b", ",\"runtimeClassName\":\"tdx\"", true },
		{ "a,b,tdx", ",\"runtimeClassName\":\"tdx\"", true },
		{ "tdx2,2tdx", ",\"runtimeClassName\":\"tdx\"", false },
		{ "", ",\"runtimeClassName\":\"tdx\"", false },
		{ ",,", ",\"runtimeClassName\":\"\"", false },
		{ "tdx", "", false },
		{ "tdx", ",\"runtimeClassName\":null", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct injection_rules rules = rules_with(SGX_INTEL, cases[i].list);
		CLEANUP(injection_free) struct injection done = inject(&rules, cases[i].pod);
		assert_int_equal(json_array_size(added(&done, "/spec/volumes")), cases[i].guest ? 2 : 1);
		assert_int_equal(!!added(&done, "/spec/tolerations"), !cases[i].guest);
	}
}

/* Where something is mounted over or below the guest's configfs, that is the pod's own matter. */
static void test_mounts_around(void **state)
{
	static const struct {
		const char *path;
		bool covered;
	} cases[] = {
		{ "/sys/kernel/config", true }, { "/sys/kernel/config/", true }, { "/sys", true }, { "/", true },
		{ "/sys/kernel/config/tsm", true }, { "/sys/kernel/configs", false }, { "/sy", false }, { "", false },
	};
	struct injection_rules rules = rules_with("", "tdx");
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct injection done = { 0 };
		CLEANUP_JSON json_t *pod = pod_of(",\"runtimeClassName\":\"tdx\"");
		json_t *container = json_array_get(json_object_get(json_object_get(pod, "spec"), "containers"), 0);
		json_object_set_new(container, "volumeMounts", json_pack("[{s:s, s:s}]", "name", "v", "mountPath",
									 cases[i].path));
		assert_null(pod_inject(&rules, pod, "shop", &done));
		assert_int_equal(json_array_size(added(&done, "/spec/volumes")), cases[i].covered ? 1 : 2);
		injection_free(&done);
	}
}

static void test_pointers_are_escaped(void **state)
{
	CLEANUP(patch_free) struct patch p = { 0 };
	CLEANUP_JSON json_t *present = json_object();
	CLEANUP_JSON json_t *operations = NULL;
	(void)state;
	patch_insert(&p, present, json_pack("{s:i}", "a/b~c%s", 1), "/x");
	assert_null(patch_finish(&p, &operations));
	assert_json(operations, "[{\"op\":\"add\",\"path\":\"/x/a~1b~0c%s\",\"value\":1}]");
}

static void test_an_empty_patch(void **state)
{
	CLEANUP(patch_free) struct patch p = { 0 };
	CLEANUP_JSON json_t *operations = NULL;
	(void)state;
	patch_append(&p, NULL, json_array(), "/x");
	patch_insert(&p, NULL, json_object(), "/y");
	assert_null(patch_finish(&p, &operations));
	assert_json(operations, "[]");
}

/* Nothing of a patch that lacks something is handed out. */
static void test_a_failure_is_remembered(void **state)
{
	CLEANUP(patch_free) struct patch p = { 0 };
	json_t *operations = NULL;
	(void)state;
	patch_add(&p, NULL, "/x");
	patch_add(&p, json_true(), "/y");
	CLEANUP(error_free) error *e = patch_finish(&p, &operations);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_NO_MEMORY);
	assert_null(operations);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_no_sgx),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_runtime_classes),
		cmocka_unit_test(test_mounts_around),
		cmocka_unit_test(test_pointers_are_escaped),
		cmocka_unit_test(test_an_empty_patch),
		cmocka_unit_test(test_a_failure_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
