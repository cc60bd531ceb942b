#include "../marble/testing.h"

#include "ttls/policy.h"

#define ENTRY "\"cacrt\":\"A\",\"clicrt\":\"B\",\"clikey\":\"C\""

static void a_configuration(void **state)
{
	(void)state;
	static const char text[] =
		"{\"tls\":{\"Outgoing\":{\"db.example:5432\":{" ENTRY ",\"expectedMarbles\":[\"db\"]},"
		"\"[::1]:80\":{" ENTRY "}},\"Incoming\":{\"*:443\":{" ENTRY ",\"clientAuth\":false}},"
		"\"denyUnlisted\":true,\"resolvableNames\":[\"*.example\"]},\"unknown\":1}";
	CLEANUP(plane_policy_free) struct plane_policy made = { 0 }, p = { 0 };
	CLEANUP(writer_free) struct writer w = { .secret = true };
	must(plane_policy_of_config(bytes_of_string(text), &made));
	plane_policy_write(&made, &w);
	must(plane_policy_read(writer_view(&w), &p));
	assert_int_equal(p.rule_count, 3);
	assert_true(p.rules[0].outgoing && p.rules[0].peers_given && p.rules[0].peer_count == 1);
	assert_string_equal(p.rules[0].address, "db.example");
	assert_string_equal(p.rules[0].peers[0], "db");
	assert_int_equal(p.rules[0].port, 5432);
	assert_string_equal(p.rules[0].key, "C");
	assert_string_equal(p.rules[1].address, "::1");
	assert_false(p.rules[1].peers_given);
	assert_false(p.rules[2].outgoing || p.rules[2].client_auth);
	assert_true(p.deny_unlisted);
	assert_string_equal(p.resolvable[0], "*.example");
}

static void an_empty_list_lets_nobody_in(void **state)
{
	(void)state;
	CLEANUP(plane_policy_free) struct plane_policy p = { 0 };
	must(plane_policy_of_config(bytes_of_string("{\"tls\":{\"Incoming\":{\"*:443\":{" ENTRY
						    ",\"allowedMarbles\":[]}}}}"), &p));
	assert_true(p.rules[0].peers_given && !p.rules[0].peer_count && p.rules[0].client_auth);
}

static void what_is_not_understood_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "[]", "{}", "{\"tls\":[]}", "{\"tls\":{\"Outgoing\":[]}}",
		"{\"tls\":{\"Outgoing\":{\"db\":{" ENTRY "}}}}", "{\"tls\":{\"Outgoing\":{\"db:0\":{" ENTRY "}}}}",
		"{\"tls\":{\"Outgoing\":{\"db:65536\":{" ENTRY "}}}}", "{\"tls\":{\"Outgoing\":{\":80\":{" ENTRY "}}}}",
		"{\"tls\":{\"Outgoing\":{\"db:-1\":{" ENTRY "}}}}", "{\"tls\":{\"Outgoing\":{\"db:8x\":{" ENTRY "}}}}",
		"{\"tls\":{\"Incoming\":{\"db:80\":{" ENTRY "}}}}",
		"{\"tls\":{\"Incoming\":{\"*:80\":{\"cacrt\":\"A\"}}}}",
		"{\"tls\":{\"Incoming\":{\"*:80\":{" ENTRY ",\"clientAuth\":\"no\"}}}}",
		"{\"tls\":{\"Incoming\":{\"*:80\":{" ENTRY ",\"clientAuth\":false,\"allowedMarbles\":[\"a\"]}}}}",
		"{\"tls\":{\"Incoming\":{\"*:80\":{" ENTRY ",\"allowedMarbles\":\"a\"}}}}",
		"{\"tls\":{\"Incoming\":{\"*:80\":{" ENTRY ",\"allowedMarbles\":[1]}}}}",
		"{\"tls\":{\"denyUnlisted\":1}}", "{\"tls\":{\"resolvableNames\":{}}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct plane_policy p = { 0 };
		error *e = plane_policy_of_config(bytes_of_string(bad[i]), &p);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_INVALID);
		error_free(e);
	}
}

static void a_handover_cut_short_is_none(void **state)
{
	(void)state;
	CLEANUP(plane_policy_free) struct plane_policy made = { 0 };
	CLEANUP(writer_free) struct writer w = { .secret = true };
	must(plane_policy_of_config(bytes_of_string("{\"tls\":{\"Incoming\":{\"*:443\":{" ENTRY "}}}}"), &made));
	plane_policy_write(&made, &w);
	for (size_t size = 0; size < w.size; size++) {
		struct plane_policy p = { 0 };
		error *e = plane_policy_read(bytes_of(w.data, size), &p);
		assert_non_null(e);
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration),
		cmocka_unit_test(an_empty_list_lets_nobody_in),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(a_handover_cut_short_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
