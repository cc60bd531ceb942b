/* marblerun-premain: activates a marble, provides what the manifest grants it, becomes its program. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "premain/command.h"
#include "premain/environment.h"
#include "premain/files.h"
#include "premain/program.h"
#include "ttls/reach.h"

/* As env(1) and shells: 126 can't be executed, 127 not found. */
enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_TIME = 3, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

static const char help[] =
	"Usage: marblerun-premain PROGRAM [ARG...]\n"
	"\n"
	"Activates this process as a marble and becomes PROGRAM, with the files, environment\n"
	"variables and arguments that the coordinator provides. Argv in the manifest, from argv[0]\n"
	"on, replaces PROGRAM [ARG...] as arguments. PROGRAM is found as a shell finds it; the file\n"
	"that is measured is the file that is executed.\n"
	"\n"
	"Under Gramine it is the entry point (libos.entrypoint), and loader.argv[0] the program.\n"
	"Under Occlum without arguments, Argv[0] of the manifest is the program.\n"
	"\n"
	"Environment:\n"
	"  EDG_MARBLE_TYPE                  its entry under Marbles in the manifest (required)\n"
	"  EDG_MARBLE_COORDINATOR_ADDR      host:port of the coordinator (localhost:2001)\n"
	"  EDG_MARBLE_DNS_NAMES             DNS names and IPs for its certificate (localhost)\n"
	"  EDG_MARBLE_UUID_FILE             keeps its identity over restarts (uuid)\n"
	"  EDG_MARBLE_COORDINATOR_POLICY    verify the coordinator against this file first; the same\n"
	"                                   JSON as marblerun --era-config\n"
	"  EDG_MARBLE_COORDINATOR_SIM_ROOT  trust this simulated platform's root for the coordinator\n"
	"  EDG_MARBLE_METRICS_ADDR          host:port: metrics of the data plane, for Prometheus\n"
	"  EDG_MARBLE_ACCESS_LOG            -: a line for each of its connections, on standard error\n"
	"  EDG_MARBLE_ACTIVATION_TIMEOUT    seconds to wait for the coordinator (300)\n"
	"  EDG_LOG_FORMAT=json              messages as JSON\n"
	"  MARBLERUN_SIM_PLATFORM=DIR       run on the simulated platform in DIR\n"
	"  OE_SIMULATION=1                  send no evidence at all\n"
	"\n"
	"Exit status: 1 refused, 2 wrong usage, 3 the time ran out, 126 PROGRAM can't be executed,\n"
	"127 PROGRAM was not found; else that of PROGRAM.\n"
	"\n"
	"Examples:\n"
	"  EDG_MARBLE_TYPE=frontend marblerun-premain ./server --port 8080\n"
	"  EDG_MARBLE_TYPE=db EDG_MARBLE_COORDINATOR_POLICY=coordinator-era.json \\\n"
	"    marblerun-premain redis-server /etc/redis/redis.conf\n";

static bool json_messages(void)
{
	const char *format = getenv("EDG_LOG_FORMAT");
	return format && strcmp(format, "json") == 0;
}

static void say(enum log_level level, const char *event, const char *text)
{
	if (json_messages())
		log_event(level, event, LOG_TEXT_FIELD("reason", text));
	else
		fprintf(stderr, "marblerun-premain: %s: %s\n", event, text);
}

static int fail(int status, const char *event, error *e)
{
	say(LOG_ERROR_LEVEL, event, error_message(e));
	error_free(e);
	return status;
}

/* Each reason once. */
static void waiting(void *context, const char *reason)
{
	char *last = context;
	if (strcmp(last, reason) == 0)
		return;
	snprintf(last, MARBLERUN_REASON_SIZE, "%s", reason);
	say(LOG_INFO_LEVEL, "waiting for the coordinator", reason);
}

/* What the data plane enforces, when there is one. */
static const char *const *enforced(enum libos libos)
{
	static const char *const all[] = { "tls", "peer-types", "deny-unlisted", NULL };
	CLEANUP_FREE char *library = NULL;
	error *e = libos == LIBOS_NONE ? data_plane_library(&library) : NULL;
	bool there = library != NULL;
	error_free(e);
	return there ? all : NULL;
}

static int activate(enum libos libos, const struct program *program, struct marblerun_parameters **ret)
{
	static const int statuses[] = { 0, EXIT_REFUSED, EXIT_TIME };
	char reason[MARBLERUN_REASON_SIZE], last[MARBLERUN_REASON_SIZE] = "";
	struct marblerun_activation_options options;
	int failed = marblerun_activation_options_of_environment(&options, reason);
	if (!failed) {
		if (program->path)
			options.program = program->by_path ? program->path : program->opened;
		options.enforces = enforced(libos);
		options.waiting = waiting;
		options.context = last;
		failed = marblerun_activate(&options, ret, reason);
	}
	if (failed)
		say(LOG_ERROR_LEVEL, "activation failed", reason);
	return statuses[failed];
}

static int open_program(enum libos libos, const char *name, struct program *ret)
{
	error *e = program_open(libos, name, getenv("PATH"), ret);
	if (!e)
		return 0;
	return fail(error_code(e) == ERROR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, "program", e);
}

/* Returns only on failure. */
static int execute(const struct program *program, char **arguments, char **environment)
{
	error *e = program_execute(program, arguments, environment);
	return fail(error_code(e) == ERROR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, "program", e);
}

static error *observe(const struct data_plane *plane)
{
	unsigned port;
	char text[32];
	TRY(data_plane_observe(plane, &port));
	snprintf(text, sizeof text, "port %u", port);
	if (port)
		say(LOG_INFO_LEVEL, "serving metrics", text);
	return NULL;
}

/* Returns only on failure. Everything is checked before the first file is written. */
static int become(enum libos libos, const struct command *command, struct program *program,
		  const struct marblerun_parameters *given)
{
	CLEANUP(environment_free) struct environment environment = { 0 };
	CLEANUP(data_plane_free) struct data_plane plane = DATA_PLANE_NONE;
	const char *name;
	char **arguments;
	int status = 0;
	error *e = command_complete(command, given, &name, &arguments);
	if (!e)
		e = data_plane_prepare(libos, given, &plane);
	if (!e)
		e = environment_build(environ, given, &plane, &environment);
	if (e)
		return fail(EXIT_REFUSED, "parameters of the manifest", e);
	if (!program->path)
		status = open_program(libos, name, program);
	if (status)
		return status;
	e = plane.wanted ? reach_check(program->descriptor, program->path) : NULL;
	if (e)
		return fail(EXIT_REFUSED, "program", e);
	e = files_write(given, libos);
	if (e)
		return fail(EXIT_REFUSED, "files of the manifest", e);
	e = observe(&plane);
	if (!e)
		e = data_plane_confine(&plane);
	if (e)
		return fail(EXIT_REFUSED, "data plane", e);
	return execute(program, arguments, environment.entries);
}

static int launch(enum libos libos, const struct command *command)
{
	CLEANUP(program_close) struct program program = { .descriptor = -1 };
	struct marblerun_parameters *given = NULL;
	int status = command->program ? open_program(libos, command->program, &program) : 0;
	if (!status)
		status = activate(libos, &program, &given);
	if (!status)
		status = become(libos, command, &program, given);
	marblerun_parameters_free(given);
	return status;
}

int main(int count, char **arguments)
{
	struct command command;
	enum libos libos = libos_detect();
	/* The host's OPENSSL_CONF could load code or weaken TLS. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	/* No core file and no debugger from here to exec, which ends it: secrets are in memory. */
	prctl(PR_SET_DUMPABLE, 0);
	log_setup(json_messages() ? LOG_JSON : LOG_TEXT, LOG_INFO_LEVEL);
	error *e = command_of_arguments(libos, count, arguments, &command);
	if (e)
		return fail(EXIT_USAGE, "usage", e);
	if (command.help)
		return fputs(help, stdout) < 0;
	if (command.version)
		return puts("marblerun-premain " MARBLERUN_VERSION) < 0;
	return launch(libos, &command);
}
