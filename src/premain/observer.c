#include "premain/observer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "telemetry/observer.h"
#include "telemetry/table.h"

enum { LINE_MAX_BYTES = 512, HIGH = 64 };

static const char *given_value(const struct marblerun_parameters *given, const char *name)
{
	for (size_t i = 0; i < given->environment_count; i++)
		if (strcmp(given->environment[i].name, name) == 0)
			return (const char *)given->environment[i].data;
	return NULL;
}

static const char *or_none(const char *text)
{
	return text ? text : "";
}

error *observer_wanted(const struct marblerun_parameters *given, struct observer *ret)
{
	const char *address = given_value(given, "EDG_MARBLE_METRICS_ADDR");
	const char *log = given_value(given, "EDG_MARBLE_ACCESS_LOG"), *hosts = getenv("EDG_MARBLE_ACCESS_LOG");
	if (!log && hosts && *hosts && strcmp(hosts, "-") != 0)
		return error_new(ERROR_INVALID, "EDG_MARBLE_ACCESS_LOG: a file is only taken from the marble's Env in "
				 "the manifest; from outside, \"-\" (standard error)");
	ret->address = or_none(address ? address : getenv("EDG_MARBLE_METRICS_ADDR"));
	ret->log = or_none(log ? log : hosts);
	return NULL;
}

static void set_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", or_none(text));
}

error *observer_describe(int file, const struct plane_policy *policy, const struct observer *observer)
{
	struct telemetry *table = telemetry_map(file);
	if (!table)
		return error_errno(ERROR_UNAVAILABLE, errno, "data plane: the table of counters");
	for (size_t i = 0; i < policy->rule_count && table->place_count < TELEMETRY_PLACES; i++) {
		const struct plane_rule *rule = &policy->rules[i];
		struct telemetry_place *place = &table->places[table->place_count++];
		place->outgoing = rule->outgoing;
		place->verified = rule->outgoing || rule->client_auth;
		place->port = rule->port;
		set_text(place->address, sizeof place->address, rule->address);
	}
	table->logs = *observer->log;
	set_text(table->own_type, sizeof table->own_type, getenv("EDG_MARBLE_TYPE"));
	telemetry_unmap(table);
	return NULL;
}

/* In the child of a child that has ended: so the program has no child that it never made. */
static void become_observer(const struct observer *observer, const char *program, int table, int ready)
{
	const char *const arguments[] = { "marblerun-observer", observer->address, observer->log, NULL };
	char *const environment[] = { NULL };
	int null = open("/dev/null", O_RDWR);
	table = fcntl(table, F_DUPFD, HIGH);
	ready = fcntl(ready, F_DUPFD, HIGH);
	if (null < 0 || table < 0 || ready < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(table, OBSERVER_TABLE) < 0 || dup2(ready, OBSERVER_READY) < 0 ||
	    close_range(OBSERVER_READY + 1, ~0U, 0) != 0)
		_exit(1);
	setsid();
	execve(program, (char *const *)(uintptr_t)arguments, environment);
	dprintf(OBSERVER_READY, "%s: %s", program, strerror(errno));
	_exit(1);
}

static bool start_apart(const struct observer *observer, const char *program, int table, int ready)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		pid_t own = fork();
		if (own == 0)
			become_observer(observer, program, table, ready);
		_exit(own < 0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Its one line. */
static error *await(int ready, unsigned *ret_port)
{
	char line[LINE_MAX_BYTES];
	size_t size = 0;
	ssize_t got = 1;
	while (size < sizeof line - 1 && got > 0) {
		got = read(ready, line + size, sizeof line - 1 - size);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			size += (size_t)got;
	}
	line[size] = '\0';
	if (sscanf(line, OBSERVER_READY_PREFIX "%u", ret_port) == 1)
		return NULL;
	return error_new(ERROR_UNAVAILABLE, "%s", size ? line : "marblerun-observer ended at once");
}

error *observer_start(const struct observer *observer, const char *program, int file, unsigned *ret_port)
{
	char path[32];
	int ready[2] = { -1, -1 };
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	int own = open(path, O_RDWR | O_CLOEXEC); /* a description of its own: its lock conflicts with ours */
	bool started = own >= 0 && flock(file, LOCK_SH) == 0 && pipe2(ready, O_CLOEXEC) == 0 &&
		       start_apart(observer, program, own, ready[1]);
	error *e = started ? NULL : error_errno(ERROR_UNAVAILABLE, errno, "starting %s", program);
	close(own);
	close(ready[1]);
	if (!e)
		e = await(ready[0], ret_port);
	close(ready[0]);
	return e;
}
