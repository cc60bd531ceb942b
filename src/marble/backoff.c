#include "marble/backoff.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"

struct backoff backoff_start(struct backoff by, unsigned limit_s)
{
	by.deadline_ms = by.now_ms(by.context) + (int64_t)limit_s * 1000;
	by.next_ms = BACKOFF_FIRST_MS;
	return by;
}

static int64_t now_ms(void *unused)
{
	(void)unused;
	return clock_monotonic_ms();
}

static void sleep_ms(void *unused, int64_t ms)
{
	struct timespec left = { ms / 1000, (ms % 1000) * 1000000 };
	(void)unused;
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* Without randomness there is no jitter; the waits stay. */
static uint32_t random_number(void *unused)
{
	uint32_t number = 0;
	(void)unused;
	error_free(random_fill(&number, sizeof number));
	return number;
}

struct backoff backoff_of_clock(unsigned limit_s)
{
	return backoff_start((struct backoff){ now_ms, sleep_ms, random_number, NULL, 0, 0 }, limit_s);
}

int64_t backoff_left_ms(const struct backoff *b)
{
	int64_t left = b->deadline_ms - b->now_ms(b->context);
	return left > 0 ? left : 0;
}

bool backoff_wait(struct backoff *b)
{
	int64_t half = b->next_ms / 2, left = backoff_left_ms(b);
	int64_t delay = half + b->random(b->context) % (half + 1);
	if (left == 0)
		return false;
	b->sleep_ms(b->context, delay < left ? delay : left);
	b->next_ms = b->next_ms >= BACKOFF_LONGEST_MS / 2 ? BACKOFF_LONGEST_MS : b->next_ms * 2;
	return true;
}
