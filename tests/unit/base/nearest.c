#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/owned.h"
#include "base/nearest.h"

static const char *const names[] = { "status", "check", "secret set", "a" };

/* The name that is found, or NULL. */
static const char *meant(const char *typed)
{
	struct nearest n = { .typed = typed, .size = strlen(typed) };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		nearest_try(&n, names[i], strlen(names[i]));
	return nearest_found(&n) ? n.name : NULL;
}

static void one_letter_in_four_may_be_wrong(void **state)
{
	(void)state;
	assert_string_equal(meant("status"), "status");
	assert_string_equal(meant("STATUS"), "status");
	assert_string_equal(meant("tatus"), "status");
	assert_string_equal(meant("statusus"), "status");
	assert_null(meant("statususu"));
	assert_string_equal(meant("chekc"), "check");
	assert_null(meant("chk_k_"));
	assert_string_equal(meant(""), "a");
	assert_null(meant("xyz"));
}

static void the_first_of_equals(void **state)
{
	(void)state;
	struct nearest n = { .typed = "cat", .size = 3 };
	nearest_try(&n, "bat", 3);
	nearest_try(&n, "rat", 3);
	assert_string_equal(n.name, "bat");
	nearest_try(&n, "cats and dogs", 4); /* only so much of it counts */
	assert_string_equal(n.name, "bat");
	nearest_try(&n, "category", 3);
	assert_int_equal(n.distance, 0);
	assert_int_equal(n.name_size, 3);
}

static void names_of_any_length(void **state)
{
	(void)state;
	char longer[200];
	memset(longer, 'x', sizeof longer);
	struct nearest n = { .typed = longer, .size = sizeof longer };
	assert_false(nearest_found(&n));
	nearest_try(&n, "status", 6);
	assert_false(nearest_found(&n));
	nearest_try(&n, longer, sizeof longer);
	assert_false(nearest_found(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_letter_in_four_may_be_wrong),
		cmocka_unit_test(the_first_of_equals),
		cmocka_unit_test(names_of_any_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
