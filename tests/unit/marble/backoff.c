#include "testing.h"

#include "marble/backoff.h"

struct fake {
	int64_t now, slept;
	uint32_t dice;
};

static int64_t now(void *context)
{
	return ((struct fake *)context)->now;
}

static void pass(void *context, int64_t ms)
{
	struct fake *fake = context;
	fake->now += ms;
	fake->slept = ms;
}

static uint32_t dice(void *context)
{
	return ((struct fake *)context)->dice;
}

static struct backoff start(struct fake *fake, unsigned limit_s)
{
	return backoff_start((struct backoff){ now, pass, dice, fake, 0, 0 }, limit_s);
}

static void doubles_up_to_the_longest(void **state)
{
	(void)state;
	static const int64_t expected[] = { 100, 200, 400, 800, 1600, 2500, 2500, 2500 };
	struct fake fake = { .now = 5000 };
	struct backoff b = start(&fake, 60);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(backoff_wait(&b));
		assert_int_equal(fake.slept, expected[i]);
	}
}

static void jitter_adds_up_to_the_double(void **state)
{
	(void)state;
	struct fake fake = { .dice = 100 };
	struct backoff b = start(&fake, 60);
	assert_true(backoff_wait(&b));
	assert_int_equal(fake.slept, 200);
	fake.dice = UINT32_MAX;
	for (int i = 0; i < 10; i++) {
		int64_t longest = b.next_ms;
		assert_true(backoff_wait(&b));
		assert_true(fake.slept >= longest / 2 && fake.slept <= longest);
	}
}

static void one_last_try_at_the_limit(void **state)
{
	(void)state;
	struct fake fake = { .now = 1 };
	struct backoff b = start(&fake, 1);
	int waits = 0;
	while (backoff_wait(&b))
		waits++;
	assert_int_equal(waits, 4); /* 100 + 200 + 400 + the 300 that are left */
	assert_int_equal(fake.now, 1001);
	assert_int_equal(backoff_left_ms(&b), 0);
	fake.now += 1000000;
	assert_int_equal(backoff_left_ms(&b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_the_longest), cmocka_unit_test(jitter_adds_up_to_the_double),
		cmocka_unit_test(one_last_try_at_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
