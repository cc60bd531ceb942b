#include "testing.h"

#include "made_marble.h"
#include "marble/counter.h"

static void assert_request(const char *name, uint64_t value, const char *expected)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	must(counter_request(name, value, &w));
	assert_int_equal(w.size, strlen(expected));
	assert_memory_equal(w.data, expected, w.size);
}

static void requests(void **state)
{
	(void)state;
	assert_request("c", 0, "{\"name\":\"c\",\"value\":0}");
	assert_request("a \"b\"", INT64_MAX, "{\"name\":\"a \\u0022b\\u0022\",\"value\":9223372036854775807}");
}

static void requests_that_make_no_sense(void **state)
{
	(void)state;
	char longest[1026] = "";
	CLEANUP(writer_free) struct writer w = { 0 };
	memset(longest, 'n', 1024);
	must(counter_request(longest, 1, &w));
	longest[1024] = 'n';
	assert_refused(counter_request(longest, 1, &w), ERROR_INVALID, "1 to 1024 bytes");
	assert_refused(counter_request("", 1, &w), ERROR_INVALID, "name");
	assert_refused(counter_request(NULL, 1, &w), ERROR_INVALID, "name");
	assert_refused(counter_request("\xff", 1, &w), ERROR_INVALID, "UTF-8");
	assert_refused(counter_request("c", (uint64_t)INT64_MAX + 1, &w), ERROR_INVALID, "2^63 - 1");
}

static error *answer(int status, const char *text, uint64_t *ret)
{
	return counter_answer(status, bytes_of_string(text), ret);
}

static void answers(void **state)
{
	(void)state;
	uint64_t value = 1;
	must(answer(200, "{\"status\":\"success\",\"data\":{\"value\":0}}", &value));
	assert_int_equal(value, 0);
	must(answer(200, "{\"status\":\"success\",\"data\":{\"value\":9223372036854775807}}", &value));
	assert_true(value == INT64_MAX);
}

static void answers_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "{", "[]", "{}", "{\"data\":{}}", "{\"data\":{\"value\":\"7\"}}",
					   "{\"data\":{\"value\":-1}}", "{\"data\":{\"value\":1.5}}",
					   "{\"data\":7}" };
	uint64_t value = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error *e = answer(200, bad[i], &value);
		assert_non_null(e);
		assert_says(error_message(e), "coordinator's answer");
		error_free(e);
	}
	assert_int_equal(value, 77);
}

static void refusals(void **state)
{
	(void)state;
	uint64_t value = 77;
	assert_refused(answer(403, "{\"message\":\"not enabled\"}", &value), ERROR_DENIED, "not enabled");
	assert_refused(answer(503, "{\"message\":\"later\"}", &value), ERROR_UNAVAILABLE, "later");
	assert_refused(answer(502, "<html>", &value), ERROR_DENIED, "502");
	assert_refused(answer(201, "{\"data\":{\"value\":5}}", &value), ERROR_DENIED, "201");
	assert_int_equal(value, 77);
}

static int raise_at(const marblerun_marble *m, const char *address, char reason[MARBLERUN_REASON_SIZE])
{
	uint64_t value;
	return marblerun_counter_raise(m, address, "c", 1, &value, reason);
}

static void addresses(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct ca ca;
	made_mesh(&ca);
	marblerun_marble *m = made_marble(&ca, "app", "");
	unsetenv("EDG_COORDINATOR_CLIENT_ADDR");
	assert_int_equal(raise_at(m, NULL, reason), 1);
	assert_says(reason, "EDG_COORDINATOR_CLIENT_ADDR=host:port");
	setenv("EDG_COORDINATOR_CLIENT_ADDR", "nonsense", 1);
	assert_int_equal(raise_at(m, NULL, reason), 1);
	assert_says(reason, "in EDG_COORDINATOR_CLIENT_ADDR: \"nonsense\"");
	assert_int_equal(raise_at(m, ":4433", reason), 1);
	assert_says(reason, "host:port is expected");
	assert_int_equal(raise_at(m, "127.0.0.1:1", reason), 2);
	assert_int_equal(raise_at(m, "[::1]:1", reason), 2);
	marblerun_marble_free(m);
	ca_free(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(requests_that_make_no_sense),
		cmocka_unit_test(answers), cmocka_unit_test(answers_that_are_none), cmocka_unit_test(refusals),
		cmocka_unit_test(addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
