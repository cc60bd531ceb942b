#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "pki/certificate.h"
#include "pki/san.h"

static void assert_refused(error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(error_code(e), code);
	if (!strstr(error_message(e), part))
		fail_msg("%s", error_message(e));
	error_free(e);
}

static void a_list_is_names_and_addresses(void **state)
{
	(void)state;
	CLEANUP(san_free) struct san_list list = { 0 };
	assert_null(san_add_list(&list, " localhost, 10.1.2.3 ,,::1,*.mesh_1.example.,256.1.1.1,localhost,"
					"::ffff:10.1.2.3, "));
	assert_int_equal(list.count, 5);
	assert_string_equal(list.items[0].name, "localhost");
	assert_true(list.items[1].is_ip);
	assert_int_equal(list.items[1].ip_size, 4);
	assert_memory_equal(list.items[1].ip, "\x0a\1\2\3", 4);
	assert_int_equal(list.items[2].ip_size, 16);
	assert_int_equal(list.items[2].ip[15], 1);
	assert_string_equal(list.items[3].name, "*.mesh_1.example.");
	assert_string_equal(list.items[4].name, "256.1.1.1");
}

static void no_text_is_an_empty_list(void **state)
{
	(void)state;
	CLEANUP(san_free) struct san_list list = { 0 };
	assert_null(san_add_list(&list, NULL));
	assert_null(san_add_list(&list, ""));
	assert_null(san_add_list(&list, " , ,"));
	assert_int_equal(list.count, 0);
}

static void characters_that_no_name_has_are_refused(void **state)
{
	(void)state;
	CLEANUP(san_free) struct san_list list = { 0 };
	for (int c = 0; c < 256; c++) {
		uint8_t name[] = { 'a', (uint8_t)c, 'b' };
		error *e = san_add_dns(&list, BYTES_OF_ARRAY(name));
		if (c > ' ' && c < 0x7f)
			assert_null(e);
		else
			assert_refused(e, ERROR_INVALID, "at position 1");
	}
	assert_refused(san_add(&list, BYTES_EMPTY), ERROR_INVALID, "empty");
}

static void what_is_no_host_name_is_refused(void **state)
{
	static const char *const names[] = { "https://mesh.example", "mesh.example:4433", "mesh..example", ".example",
					     "fe80::1%eth0", "a@b.example", "[::1]", "mesh.example/" };
	(void)state;
	CLEANUP(san_free) struct san_list list = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_refused(san_add_list(&list, names[i]), ERROR_INVALID, names[i]);
		assert_int_equal(list.count, 0);
	}
}

static void limits_hold(void **state)
{
	(void)state;
	CLEANUP(san_free) struct san_list list = { 0 };
	char name[SAN_NAME_MAX + 2];
	memset(name, 'x', sizeof name);
	assert_null(san_add(&list, bytes_of(name, SAN_NAME_MAX)));
	assert_refused(san_add(&list, bytes_of(name, SAN_NAME_MAX + 1)), ERROR_TOO_LARGE, "253");
	for (int i = 1; i < SAN_MAX; i++) {
		snprintf(name, sizeof name, "n%d", i);
		assert_null(san_add(&list, bytes_of_string(name)));
	}
	assert_refused(san_add(&list, bytes_of_string("one-more")), ERROR_TOO_LARGE, "100");
	assert_null(san_add(&list, bytes_of_string("n1"))); /* one that is there already */
	assert_int_equal(list.count, SAN_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_names_and_addresses),
		cmocka_unit_test(no_text_is_an_empty_list),
		cmocka_unit_test(characters_that_no_name_has_are_refused),
		cmocka_unit_test(what_is_no_host_name_is_refused),
		cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
