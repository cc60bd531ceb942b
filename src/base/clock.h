/* Time. Only edges read it; the domain takes it as a parameter. The host controls it. */
#pragma once
#include <stdint.h>

/* Seconds since 1970-01-01T00:00:00Z. */
int64_t clock_now(void);
/* The same in milliseconds. */
int64_t clock_now_ms(void);
/* Milliseconds that never go back, from an arbitrary start: for durations and time limits. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
