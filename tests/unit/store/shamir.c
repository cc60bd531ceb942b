/* Shamir's sharing: known answers, every subset of shares, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "store/shamir.h"

#define OK(call) assert_null(call)

static void refused(error *e, const char *why)
{
	assert_non_null(e);
	assert_non_null(strstr(error_message(e), why));
	error_free(e);
}

/* Worked out by hand from the field's definition, not by this program: f(x) = 0x53 + 0xCA·x gives
 * f(1) = 0x99; 0xCA·2 = 0x8F (0x194 reduced by 0x11B), so f(2) = 0xDC; 0xCA·3 = 0x45, f(3) = 0x16. */
static void combines_a_known_answer(void **state)
{
	(void)state;
	uint8_t raw[3][2] = { { 0x99, 1 }, { 0xdc, 2 }, { 0x16, 3 } };
	static const int pairs[][2] = { { 0, 1 }, { 1, 2 }, { 2, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct secret shares[] = { { raw[pairs[i][0]], 2 }, { raw[pairs[i][1]], 2 } };
		CLEANUP(secret_free) struct secret secret = { 0 };
		OK(shamir_combine(shares, 2, &secret));
		assert_int_equal(secret.size, 1);
		assert_int_equal(secret.data[0], 0x53);
	}
}

/* Every subset of every size of up to 7 shares out of 10, for every threshold up to 7. */
static void only_enough_shares_give_the_secret(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret key = { 0 };
	OK(secret_random(32, &key));
	for (size_t threshold = 2; threshold <= 7; threshold++) {
		struct secret all[10] = { { 0 } }, some[10];
		OK(shamir_split(secret_view(&key), 10, threshold, all));
		for (unsigned subset = 0; subset < 1 << 10; subset++) {
			size_t count = (size_t)__builtin_popcount(subset);
			if (count < 2 || count > 7)
				continue;
			for (size_t i = 0, n = 0; i < 10; i++)
				if (subset >> i & 1)
					some[n++] = all[i];
			CLEANUP(secret_free) struct secret found = { 0 };
			OK(shamir_combine(some, count, &found));
			assert_int_equal(secret_equal(secret_view(&found), secret_view(&key)),
					 count >= threshold);
		}
		for (size_t i = 0; i < 10; i++)
			secret_free(&all[i]);
	}
}

static void refuses_bad_shares(void **state)
{
	(void)state;
	uint8_t one[] = { 7, 1 }, same_x[] = { 8, 1 }, zero_x[] = { 9, 0 }, longer[] = { 1, 2, 3 };
	struct secret out;
	struct secret repeated[] = { { one, 2 }, { same_x, 2 } };
	struct secret zero[] = { { one, 2 }, { zero_x, 2 } };
	struct secret uneven[] = { { one, 2 }, { longer, 3 } };
	refused(shamir_combine(repeated, 2, &out), "another share has");
	refused(shamir_combine(zero, 2, &out), "x that is zero");
	refused(shamir_combine(uneven, 2, &out), "has 3 bytes");
	refused(shamir_combine(repeated, 1, &out), "1 shares");
	refused(shamir_split(BYTES_OF_ARRAY(one), 3, 4, &out), "4 of 3");
	refused(shamir_split(BYTES_OF_ARRAY(one), 3, 1, &out), "1 of 3");
	refused(shamir_split(BYTES_OF_ARRAY(one), 256, 2, &out), "2 of 256");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combines_a_known_answer),
		cmocka_unit_test(only_enough_shares_give_the_secret),
		cmocka_unit_test(refuses_bad_shares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
