/* Addresses as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "net/address.h"

static void splits(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} good[] = {
		{ ":2001", "", "2001" }, { "localhost:0", "localhost", "0" }, { "10.0.0.1:65535", "10.0.0.1", "65535" },
		{ "[::1]:4433", "::1", "4433" }, { "[]:1", "", "1" },
	};
	char host[256], port[8];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_null(address_split(good[i].text, host, port));
		assert_string_equal(host, good[i].host);
		assert_string_equal(port, good[i].port);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = { "", "localhost", "localhost:", ":65536", ":-1", ":+1", ": 1", ":1x",
					   "::1:80",
					   "[::1]", "[::1]80", "::1", "a:b:1" };
	char host[256], port[8];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error *e = address_split(bad[i], host, port);
		if (!e)
			fail_msg("\"%s\" passes", bad[i]);
		assert_int_equal(error_code(e), ERROR_INVALID);
		error_free(e);
	}
}

static void localhost_needs_no_name_service(void **state)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	(void)state;
	assert_int_equal(address_look_up("localhost", "1", &hints, &found), 0);
	freeaddrinfo(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(refuses),
		cmocka_unit_test(localhost_needs_no_name_service),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
