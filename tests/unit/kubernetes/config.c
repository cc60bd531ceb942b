#include "testing.h"

#include "kubernetes/config.h"

static const char *const account = "account";

static void put_account(void)
{
	assert_int_equal(mkdir(account, 0700), 0);
	put("account/ca.crt", "the cluster's authority", 0600);
	put("account/token", "the pod's token", 0600);
}

static void the_account_of_a_pod(void **state)
{
	(void)state;
	CLEANUP(kube_config_free) struct kube_config c = { 0 };
	put_account();
	must(kube_config_load(&(struct kube_source){ .home = "/nowhere", .host = "10.0.0.1", .port = "6443",
						     .account_folder = account }, &c));
	assert_string_equal(c.server, "https://10.0.0.1:6443");
	assert_string_equal(c.token_file, "account/token");
	assert_memory_equal(c.authorities.data, "the cluster's authority", c.authorities.size);
	assert_false(c.insecure);
}

static void an_address_of_version_6(void **state)
{
	(void)state;
	CLEANUP(kube_config_free) struct kube_config c = { 0 };
	put_account();
	must(kube_config_load(&(struct kube_source){ .host = "fd00::1", .account_folder = account }, &c));
	assert_string_equal(c.server, "https://[fd00::1]:443");
}

static void an_account_that_is_not_there(void **state)
{
	(void)state;
	struct kube_config c;
	assert_refused(kube_config_load(&(struct kube_source){ .host = "10.0.0.1", .account_folder = account }, &c),
		       ERROR_NOT_FOUND, "service account", "account/ca.crt");
	assert_refused(kube_config_load(&(struct kube_source){ .host = "a b", .account_folder = account }, &c),
		       ERROR_INVALID, "KUBERNETES_SERVICE_HOST");
	assert_refused(kube_config_load(&(struct kube_source){ .context = "x", .host = "10.0.0.1",
							       .account_folder = account }, &c),
		       ERROR_NOT_FOUND, "no kubeconfig");
}

/* A file wins over the pod. */
static void a_file_in_a_pod(void **state)
{
	(void)state;
	CLEANUP(kube_config_free) struct kube_config c = { 0 };
	put_account();
	put("config", "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]\n"
		      "clusters: [{name: b, cluster: {server: 'https://file/'}}]\n", 0600);
	must(kube_config_load(&(struct kube_source){ .variable = "missing:config", .host = "10.0.0.1",
						     .account_folder = account }, &c));
	assert_string_equal(c.server, "https://file");
}

static void too_many_files(void **state)
{
	(void)state;
	CLEANUP(kubeconfig_free) struct kubeconfig k = { 0 };
	for (int i = 0; i < KUBECONFIG_FILES_MAX; i++)
		must(kubeconfig_add(&k, BYTES_EMPTY, "config"));
	assert_refused(kubeconfig_add(&k, BYTES_EMPTY, "config"), ERROR_TOO_LARGE, "more than 16");
}

static void too_large(void **state)
{
	(void)state;
	char *text = malloc(KUBECONFIG_SIZE_MAX + 1);
	json_t *document;
	assert_non_null(text);
	memset(text, ' ', KUBECONFIG_SIZE_MAX + 1);
	assert_refused(kubeconfig_parse(bytes_of(text, KUBECONFIG_SIZE_MAX + 1), "config", &document), ERROR_TOO_LARGE,
		       "config is larger");
	free(text);
}

static void servers(void **state)
{
	(void)state;
	static const char *const good[] = { "https://a", "https://a:1/b/c", "https://[::1]:6443",
					    "http://127.0.0.1:8001" };
	static const char *const bad[] = { "", "a", "https://", "https://:1", "https:///", "https://a b", "https://a@b",
					   "https://a?b", "https://a#b",
					   "HTTPS://a", "https://a\\b", "https://\xc3\xa4" };
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		must(kube_server_check(good[i], "cluster"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(kube_server_check(bad[i], "cluster"), ERROR_INVALID, "cluster: \"server\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(the_account_of_a_pod), in_folder(an_address_of_version_6),
		in_folder(an_account_that_is_not_there), in_folder(a_file_in_a_pod),
		cmocka_unit_test(too_many_files), cmocka_unit_test(too_large), cmocka_unit_test(servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
