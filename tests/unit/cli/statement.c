#include "testing.h"

#include "cli/statement.h"

static void assert_url(const char *address, const char *expected)
{
	CLEANUP_FREE char *url = NULL;
	must(client_url(address, "/api", &url));
	assert_string_equal(url, expected);
}

static void addresses(void **state)
{
	(void)state;
	assert_url("mesh.example:4433", "https://mesh.example:4433/api");
	assert_url("127.0.0.1:1", "https://127.0.0.1:1/api");
	assert_url("[::1]:4433", "https://[::1]:4433/api");
	assert_url(":4433", "https://localhost:4433/api");
}

/* Nothing in an address may lead elsewhere. */
static void what_is_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "host", "host:", "host:x", "https://host:1", "user@host:1", "host/path:1", "host?q:1",
		"host#f:1", "a b:1", "%41:1", "host:1/path", "::1:443", "h\\i:1",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *url = NULL;
		assert_refused(client_url(bad[i], "/api", &url), ERROR_INVALID, "is no address", bad[i]);
		assert_null(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(addresses), cmocka_unit_test(what_is_no_address) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
