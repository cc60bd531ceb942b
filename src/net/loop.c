#include "net/loop.h"

#include <event2/thread.h>
#include <pthread.h>
#include <unistd.h>

enum { LOOPS_MAX = 8 };

struct loops {
	unsigned count;
	unsigned running; /* threads started besides the caller's */
	struct event_base *bases[LOOPS_MAX];
	pthread_t threads[LOOPS_MAX];
};

static unsigned processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count > LOOPS_MAX ? LOOPS_MAX : (unsigned)count;
}

error *loops_new(unsigned count, struct loops **ret)
{
	if (evthread_use_pthreads() != 0)
		return error_new(ERROR_INTERNAL, "libevent has no threads here");
	CLEANUP(loops_free) struct loops *loops = calloc(1, sizeof *loops);
	TRY_ALLOC(loops);
	loops->count = count && count <= LOOPS_MAX ? count : processors();
	for (unsigned i = 0; i < loops->count; i++) {
		loops->bases[i] = event_base_new();
		TRY_ALLOC(loops->bases[i]);
	}
	*ret = TAKE(loops);
	return NULL;
}

unsigned loops_count(const struct loops *loops)
{
	return loops->count;
}

struct event_base *loops_base(struct loops *loops, unsigned index)
{
	return loops->bases[index % loops->count];
}

static void *run(void *base)
{
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

error *loops_run(struct loops *loops)
{
	int failed = 0;
	for (unsigned i = 1; i < loops->count && !failed; i++) {
		failed = pthread_create(&loops->threads[i], NULL, run, loops->bases[i]);
		if (!failed)
			loops->running = i;
	}
	if (!failed)
		run(loops->bases[0]);
	loops_stop(loops);
	for (; loops->running; loops->running--)
		pthread_join(loops->threads[loops->running], NULL);
	return failed ? error_errno(ERROR_UNAVAILABLE, failed, "starting a thread") : NULL;
}

/* As an event: a loop that has not begun yet forgets a break, but not an event. */
void loops_stop(struct loops *loops)
{
	for (unsigned i = 0; i < loops->count; i++)
		event_base_loopexit(loops->bases[i], NULL);
}

void loops_finish(struct loops *loops)
{
	for (unsigned i = 0; i < loops->count; i++)
		event_base_loop(loops->bases[i], EVLOOP_NONBLOCK);
}

void loops_free(struct loops *loops)
{
	if (!loops)
		return;
	for (unsigned i = 0; i < loops->count; i++)
		if (loops->bases[i])
			event_base_free(loops->bases[i]);
	free(loops);
}

struct posted {
	void (*call)(void *context);
	void *context;
};

static void call_posted(evutil_socket_t none, short what, void *context)
{
	struct posted posted = *(struct posted *)context;
	(void)none, (void)what;
	free(context);
	posted.call(posted.context);
}

error *loop_post(struct event_base *base, void (*call)(void *context), void *context)
{
	static const struct timeval at_once = { 0, 0 };
	struct posted *posted = malloc(sizeof *posted);
	TRY_ALLOC(posted);
	*posted = (struct posted){ call, context };
	if (event_base_once(base, -1, EV_TIMEOUT, call_posted, posted, &at_once) != 0) {
		free(posted);
		return error_no_memory();
	}
	return NULL;
}
