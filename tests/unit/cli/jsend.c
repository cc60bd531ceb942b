#include "testing.h"

#include "cli/jsend.h"

static error *parse(long status, const char *body, json_t **ret)
{
	return jsend_data(status, bytes_of_string(body), "https://x/y", ret);
}

static void success(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *data = NULL;
	must(parse(200, "{\"status\":\"success\",\"data\":{\"code\":3}}", &data));
	assert_int_equal(json_integer_value(json_object_get(data, "code")), 3);
	json_t *none = NULL;
	must(parse(200, "{\"status\":\"success\",\"data\":null}", &none));
	assert_null(none);
}

static void the_coordinators_message(void **state)
{
	(void)state;
	static const struct {
		long status;
		enum error_code code;
	} cases[] = { { 400, ERROR_INVALID }, { 401, ERROR_UNAUTHENTICATED }, { 403, ERROR_DENIED },
		      { 404, ERROR_NOT_FOUND }, { 500, ERROR_INTERNAL }, { 503, ERROR_UNAVAILABLE } };
	json_t *data = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(parse(cases[i].status, "{\"status\":\"error\",\"message\":\"because\"}", &data),
			       cases[i].code, "https://x/y: because");
	/* neither half of a success is one */
	assert_refused(parse(200, "{\"status\":\"fail\",\"data\":{},\"message\":\"no\"}", &data), ERROR_INVALID,
		       "no");
	assert_refused(parse(500, "{\"status\":\"success\",\"data\":{}}", &data), ERROR_INTERNAL,
		       "without a reason");
	assert_null(data);
}

static void somebody_else(void **state)
{
	(void)state;
	static const char *const bodies[] = { "", "<html>", "[]", "{}", "{\"status\":1}", "null", "{\"status\"" };
	json_t *data = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		assert_refused(parse(200, bodies[i], &data), ERROR_INVALID, "https://x/y: HTTP status 200",
			       "no answer of a coordinator");
}

static void members(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *data = json_pack("{s:s, s:s, s:i}", "Cert", "a text", "raw", "AAE=", "n", 1);
	CLEANUP(blob_free) struct blob raw = { 0 };
	bytes text;
	must(json_text_member(data, "cert", "x", &text));
	assert_true(bytes_equal_string(text, "a text"));
	must(json_bytes_member(data, "raw", "x", &raw));
	assert_int_equal(raw.size, 2);
	assert_refused(json_bytes_member(data, "Cert", "x", &raw), ERROR_INVALID, "x", "Cert");
	assert_refused(json_text_member(data, "n", "x", &text), ERROR_INVALID, "no string \"n\"", "integer");
	assert_refused(json_text_member(data, "m", "x", &text), ERROR_INVALID, "nothing found");
	assert_refused(json_text_member(NULL, "m", "x", &text), ERROR_INVALID, "nothing found");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success), cmocka_unit_test(the_coordinators_message),
		cmocka_unit_test(somebody_else), cmocka_unit_test(members),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
