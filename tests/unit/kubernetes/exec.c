#include "testing.h"

#include "kubernetes/exec.h"

#define V1 "client.authentication.k8s.io/v1"

static error *parse(const char *text, struct kube_credential *ret)
{
	return kube_credential_parse(bytes_of_string(text), V1, "plugin", ret);
}

static void a_token(void **state)
{
	(void)state;
	CLEANUP(kube_credential_free) struct kube_credential c = { 0 };
	must(parse("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"abc\","
		   "\"expirationTimestamp\":\"2030-01-01T00:00:00Z\",\"clientKeyData\":null}}", &c));
	assert_int_equal(c.token.size, 3);
	assert_int_equal(c.expires, 1893456000);
	assert_int_equal(c.certificate.size, 0);
}

static void a_certificate(void **state)
{
	(void)state;
	CLEANUP(kube_credential_free) struct kube_credential c = { 0 };
	must(parse("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{"
		   "\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}}", &c));
	assert_int_equal(c.token.size, 0);
	assert_int_equal(c.expires, 0);
	assert_int_equal(c.key.size, 1);
}

static void tokens(void **state)
{
	(void)state;
	must(kube_token_check(bytes_of_string("a.b-c_d~e+f/g="), "it"));
	static const char *const bad[] = { "", " a", "a\n", "a b", "a\x7f", "\xc3\xa4" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(kube_token_check(bytes_of_string(bad[i]), "it"), ERROR_INVALID, "it: a token has");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token),
		cmocka_unit_test(a_certificate),
		cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
