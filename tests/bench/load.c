/* load PORT PROGRAM TYPE COUNT THREADS [PAUSE_MS]: COUNT activations of TYPE by THREADS threads, each
 * over its own connection; prints rate and latencies as JSON. THREADS = COUNT: all at once.
 * A COUNT of 0 goes on until standard input ends. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "call.h"

enum { FLEET_MAX = 512, ENDLESS = 1000000, STACK_BYTES = 256 << 10 };

struct load {
	struct call_target target;
	struct fleet fleet;
	size_t count;
	bool endless;
	useconds_t pause;
	pthread_barrier_t start;
	atomic_size_t next, refused;
	double *latencies;
};

static bool wanted(const struct load *l)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	return !l->endless || poll(&input, 1, 0) == 0;
}

static void *run(void *context)
{
	struct load *l = context;
	pthread_barrier_wait(&l->start);
	for (;;) {
		size_t i = atomic_fetch_add(&l->next, 1);
		if (i >= l->count || !wanted(l))
			return NULL;
		double begin = seconds_now();
		if (call_activate(&l->target, &l->fleet.marbles[i % l->fleet.count]) != 0)
			atomic_fetch_add(&l->refused, 1);
		l->latencies[i] = seconds_now() - begin;
		if (l->pause)
			usleep(l->pause);
	}
}

static void start_threads(struct load *l, pthread_t *running, size_t threads)
{
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	for (size_t i = 0; i < threads; i++)
		must(pthread_create(&running[i], &small, run, l) == 0, "thread");
	pthread_attr_destroy(&small);
}

static void report(struct load *l, double duration, double used)
{
	size_t done = 0;
	double *values = l->latencies;
	for (size_t i = 0; i < l->count; i++)
		if (values[i] > 0) /* else given up before it began */
			values[done++] = values[i];
	printf("{\"activations\": %zu, \"refused\": %zu, \"per_second\": %.1f, "
	       "\"processor_ms\": %.4f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f}\n",
	       done, atomic_load(&l->refused),
	       (double)done / duration, used * 1e3 / (double)done,
	       percentile(values, done, 0.5) * 1e3, percentile(values, done, 0.99) * 1e3,
	       percentile(values, done, 1) * 1e3);
}

int main(int argc, char **argv)
{
	must(argc == 6 || argc == 7, "usage: load PORT PROGRAM TYPE COUNT THREADS [PAUSE_MS]");
	struct load l = { .count = (size_t)atoi(argv[4]) };
	size_t threads = (size_t)atoi(argv[5]);
	pthread_t *running = calloc(threads, sizeof *running);
	l.endless = l.count == 0;
	l.count = l.endless ? ENDLESS : l.count;
	l.pause = argc == 7 ? (useconds_t)atoi(argv[6]) * 1000 : 0;
	l.latencies = calloc(l.count, sizeof *l.latencies);
	must(running && l.latencies && threads, "memory");
	call_target_open(argv[1], &l.target);
	fleet_make(argv[2], argv[3], l.count < FLEET_MAX ? l.count : FLEET_MAX, &l.fleet);
	pthread_barrier_init(&l.start, NULL, (unsigned)threads + 1);
	start_threads(&l, running, threads);
	puts("ready");
	fflush(stdout);
	pthread_barrier_wait(&l.start);
	double begin = seconds_now(), used = processor_seconds();
	for (size_t i = 0; i < threads; i++)
		pthread_join(running[i], NULL);
	report(&l, seconds_now() - begin, processor_seconds() - used);
	fleet_free(&l.fleet);
	SSL_CTX_free(l.target.context);
	free(l.latencies);
	free(running);
	return 0;
}
