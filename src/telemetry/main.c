/* marblerun-observer: shows what the data plane of a marble counts. The launcher starts it beside the program; it is no
 * part of the program, has none of its keys, and ends when the last process of the marble has ended. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "metrics/scrape.h"
#include "net/loop.h"
#include "telemetry/access_log.h"
#include "telemetry/observer.h"
#include "telemetry/show.h"

enum { EXIT_USAGE = 2, DRAIN_SECONDS = 2 };

struct observer {
	struct telemetry *table;
	struct loops *loops;
	struct scrape_server *server;
	struct access_log *log;
	pthread_t watcher;
};

static void write_metrics(void *context, struct writer *w)
{
	telemetry_bury(context);
	telemetry_write_metrics(context, w);
}

static void write_lines(void *context, struct writer *w)
{
	telemetry_bury(context);
	telemetry_write_lines(context, w);
}

static void drained(void *context)
{
	loops_stop(context);
}

static void stop(void *context)
{
	struct observer *o = context;
	if (o->server)
		scrape_server_stop(o->server, DRAIN_SECONDS, drained, o->loops);
	else
		loops_stop(o->loops);
}

/* All processes of the marble share one description of the table's file, with a lock on it that only their common
 * end gives up. */
static void *wait_for_the_end(void *context)
{
	struct observer *o = context;
	while (flock(OBSERVER_TABLE, LOCK_EX) != 0 && errno == EINTR)
		;
	error *e = loop_post(loops_base(o->loops, 0), stop, o);
	if (e)
		_exit(0);
	return NULL;
}

static error *serve(struct observer *o, const char *address)
{
	const struct scrape_document documents[] = {
		{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics, o->table },
		{ "/metrics.jsonl", "application/x-ndjson", write_lines, o->table },
	};
	return scrape_server_start(o->loops, address, documents, ARRAY_SIZE(documents), &o->server);
}

static error *start(struct observer *o, const char *address, const char *log)
{
	o->table = telemetry_map(OBSERVER_TABLE);
	if (!o->table)
		return error_new(ERROR_INVALID, "descriptor %d is no table; marblerun-premain starts this program",
				 OBSERVER_TABLE);
	TRY(loops_new(1, &o->loops));
	if (*log)
		TRY_CTX(access_log_start(o->table, log, &o->log), "EDG_MARBLE_ACCESS_LOG");
	if (*address)
		TRY_CTX(serve(o, address), "EDG_MARBLE_METRICS_ADDR");
	if (pthread_create(&o->watcher, NULL, wait_for_the_end, o) != 0)
		return error_no_memory();
	return NULL;
}

/* What the launcher waits for: a port, or why there is none. */
static void report(const char *text)
{
	(void)!write(OBSERVER_READY, text, strlen(text));
	close(OBSERVER_READY);
}

static int observe(struct observer *o, const char *address, const char *log)
{
	char ready[32];
	error *e = start(o, address, log);
	if (e) {
		report(error_message(e));
		error_free(e);
		return 1;
	}
	snprintf(ready, sizeof ready, OBSERVER_READY_PREFIX "%u", o->server ? scrape_server_port(o->server) : 0);
	report(ready);
	e = loops_run(o->loops);
	access_log_finish(o->log);
	error_free(e);
	return 0;
}

int main(int count, char **arguments)
{
	struct observer o = { 0 };
	if (count == 2 && strcmp(arguments[1], "--version") == 0)
		return puts("marblerun-observer " MARBLERUN_VERSION) < 0;
	if (count != 3) {
		fputs("marblerun-observer: marblerun-premain starts this program (EDG_MARBLE_METRICS_ADDR, "
		      "EDG_MARBLE_ACCESS_LOG)\n", stderr);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	return observe(&o, arguments[1], arguments[2]);
}
