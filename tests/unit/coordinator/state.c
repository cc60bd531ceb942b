/* The table of states and requests, and the numbers that the public contract fixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "coordinator/state.h"

static void numbers_are_the_contracts(void **state)
{
	(void)state;
	assert_int_equal(STATE_UNINITIALIZED, 0);
	assert_int_equal(STATE_RECOVERY, 1);
	assert_int_equal(STATE_ACCEPTING_MANIFEST, 2);
	assert_int_equal(STATE_ACCEPTING_MARBLES, 3);
}

static void each_state_allows_what_it_should(void **state)
{
	(void)state;
	static const struct {
		enum coordinator_request request;
		int allowed[4];
	} expected[] = {
		{ REQUEST_SET_MANIFEST, { 0, 1, 1, 0 } },
		{ REQUEST_GET_MANIFEST, { 0, 0, 0, 1 } },
		{ REQUEST_ACTIVATE, { 0, 0, 0, 1 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		for (int s = 0; s < 4; s++) {
			error *e = state_require((enum coordinator_state)s, expected[i].request);
			assert_int_equal(e == NULL, expected[i].allowed[s]);
			if (e)
				assert_int_equal(error_code(e), ERROR_WRONG_STATE);
			error_free(e);
			assert_non_null(strstr(state_text((enum coordinator_state)s), "Coordinator"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_the_contracts),
		cmocka_unit_test(each_state_allows_what_it_should),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
