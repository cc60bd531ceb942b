/* Waiting between tries: twice as long each time, with jitter so that marbles that were started
 * together do not come back together, until a time limit for all tries. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { BACKOFF_FIRST_MS = 200, BACKOFF_LONGEST_MS = 5000 };

struct backoff {
	int64_t (*now_ms)(void *context);                /* monotonic */
	void (*sleep_ms)(void *context, int64_t ms);
	uint32_t (*random)(void *context);
	void *context;
	int64_t deadline_ms;
	int64_t next_ms;
};

/* On the real clock. */
struct backoff backoff_of_clock(unsigned limit_s);
/* On another one; starts now. */
struct backoff backoff_start(struct backoff by, unsigned limit_s);
/* Milliseconds until the limit; 0 when it has passed. */
int64_t backoff_left_ms(const struct backoff *b);
/* Waits between half of and the whole next delay, at most until the limit, for one more try there.
 * False, at once, when the limit has passed. */
bool backoff_wait(struct backoff *b) MUST_USE;
