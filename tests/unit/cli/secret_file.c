#include "testing.h"

#include "cli/secret_file.h"

static error *parse(const char *text, const char *name, json_t **ret)
{
	return secret_file_parse(bytes_of_string(text), "file", name, ret);
}

static void as_it_is(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *secrets = NULL;
	must(parse("{\"a\": {\"Key\": \"AA==\"}, \"b\": {\"Cert\": \"AA==\"}}", NULL, &secrets));
	assert_int_equal(json_object_size(secrets), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(secrets, "a"), "Key")), "AA==");
}

/* Text between blocks and EC parameters (as 'openssl ecparam -genkey' writes them) are passed over. */
static void of_pem(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *secrets = NULL;
	must(parse("a comment\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
		   "-----BEGIN PRIVATE KEY-----\n"
		   "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
		   "-----END PRIVATE KEY-----\n", "tls", &secrets));
	json_t *secret = json_object_get(secrets, "tls");
	assert_string_equal(json_string_value(json_object_get(secret, "Private")),
			    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC");
	assert_null(json_object_get(secret, "Cert"));
}

static void mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name;
		enum error_code code;
		const char *reason;
	} bad[] = {
		{ "[]", NULL, ERROR_INVALID, "an object with secrets" },
		{ "{}", NULL, ERROR_INVALID, "an object with secrets" },
		{ "{\"a\": \"AA==\"}", NULL, ERROR_INVALID, "\"a\" is string" },
		{ "{\"\": {}}", NULL, ERROR_INVALID, "no name" },
		{ "{\"a\": {}, \"a\": {}}", NULL, ERROR_INVALID, "file" },
		{ "", "a", ERROR_INVALID, "no certificate and no private key" },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "a",
		  ERROR_UNSUPPORTED, "encrypted" },
		{ "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "a", ERROR_INVALID,
		  "PUBLIC KEY" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "a", ERROR_INVALID,
		  "a certificate can't be parsed" },
		{ "-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", "a", ERROR_INVALID,
		  "a private key can't be parsed" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *secrets = NULL;
		assert_refused(parse(bad[i].text, bad[i].name, &secrets), bad[i].code, bad[i].reason);
		assert_null(secrets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_it_is), cmocka_unit_test(of_pem),
					    cmocka_unit_test(mistakes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
