/* launch CONFIG PROGRAM [ARG...]: becomes PROGRAM with the data plane that CONFIG (a file like
 * MARBLE_TTLS_CONFIG) describes, as the launcher does, but without a coordinator. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "premain/data_plane.h"
#include "premain/environment.h"

static int stop(error *e)
{
	fprintf(stderr, "launch: %s\n", error_message(e));
	return 1;
}

static void take(struct marblerun_parameters *given, const char *variable, const char *name)
{
	char *value = getenv(variable);
	if (value)
		given->environment[given->environment_count++] = (struct marblerun_named_value){
			(char *)(uintptr_t)name, (uint8_t *)value, strlen(value) };
}

static error *observe(struct data_plane *plane, const struct plane_policy *policy)
{
	int table = plane->handover.files[HANDOVER_TELEMETRY];
	unsigned port;
	if (table < 0)
		return NULL;
	TRY(observer_describe(table, policy, &plane->observer));
	TRY(observer_start(&plane->observer, OBSERVER, table, &port));
	fprintf(stderr, "launch: metrics port %u\n", port);
	return NULL;
}

int main(int count, char **arguments)
{
	struct blob config = { 0 };
	struct data_plane plane = { .wanted = true };
	const char *library = getenv("PLANE_LIBRARY"); /* a copy, for programs of other users */
	struct plane_policy policy;
	struct environment environment;
	if (count < 3)
		return 2;
	error *e = file_read(arguments[1], 1 << 20, &config);
	struct marblerun_named_value values[3] = { { (char[]){ "MARBLE_TTLS_CONFIG" }, config.data, config.size } };
	struct marblerun_parameters given = { .environment = values, .environment_count = 1 };
	take(&given, "PLANE_METRICS_ADDR", "EDG_MARBLE_METRICS_ADDR");
	take(&given, "PLANE_ACCESS_LOG", "EDG_MARBLE_ACCESS_LOG");
	if (!e)
		e = plane_policy_of_config(blob_view(&config), &policy);
	if (!e)
		e = observer_wanted(&given, &plane.observer);
	if (!e)
		e = handover_make(&policy, observer_is_wanted(&plane.observer), &plane.handover);
	if (!e)
		e = observe(&plane, &policy);
	if (!e && asprintf(&plane.preload, "LD_PRELOAD=%s", library ? library : DATA_PLANE) < 0)
		e = error_no_memory();
	if (!e)
		e = environment_build(environ, &given, &plane, &environment);
	if (!e)
		e = data_plane_confine(&plane);
	if (e)
		return stop(e);
	environ = environment.entries;
	execvp(arguments[2], arguments + 2);
	perror(arguments[2]);
	return 127;
}
