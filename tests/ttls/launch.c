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
	struct marblerun_named_value value = { (char[]){ "MARBLE_TTLS_CONFIG" }, config.data, config.size };
	struct marblerun_parameters given = { .environment = &value, .environment_count = 1 };
	if (!e)
		e = plane_policy_of_config(blob_view(&config), &policy);
	if (!e)
		e = handover_make(&policy, &plane.handover);
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
