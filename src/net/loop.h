/* Event loops and worker threads. */
#pragma once
#include <event2/event.h>

#include "base/error.h"

/* A group of event loops, one thread each; loop 0 runs in the thread that calls loops_run. */
struct loops;
/* `count` 0: one per processor, at most 8. */
error *loops_new(unsigned count, struct loops **ret) MUST_USE;
unsigned loops_count(const struct loops *loops);
struct event_base *loops_base(struct loops *loops, unsigned index);
/* Runs until loops_stop. */
error *loops_run(struct loops *loops) MUST_USE;
/* From any thread. */
void loops_stop(struct loops *loops);
/* After the loops have ended and nobody posts any more: runs what was posted to them too late. */
void loops_finish(struct loops *loops);
void loops_free(struct loops *loops);
DEFINE_CLEANUP(loops_free, struct loops *)
/* Runs call(context) in the loop's thread, soon. From any thread. */
error *loop_post(struct event_base *base, void (*call)(void *context), void *context) MUST_USE;

/* Threads for work that must not hold up a loop. `nice` > 0 gives way to everything else. */
struct workers;
error *workers_new(unsigned threads, int nice, size_t queue_max, struct workers **ret) MUST_USE;
/* work(context) runs in a worker; ERROR_UNAVAILABLE when the queue is full: nothing happens then. */
error *workers_submit(struct workers *w, void (*work)(void *context), void *context) MUST_USE;
/* Finishes what was submitted, then ends the threads. NULL is accepted. */
void workers_free(struct workers *w);
DEFINE_CLEANUP(workers_free, struct workers *)
