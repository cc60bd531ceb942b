#include "kubernetes/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { OUTPUT_MAX = 1 << 20 };

static void free_list(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

void plugin_free(struct plugin *plugin)
{
	free_list(plugin->arguments);
	free_list(plugin->environment);
	*plugin = (struct plugin){ 0 };
}

/* Takes the text over, even on failure. */
static error *append(char ***list, size_t *count, char *text)
{
	char **grown = text ? reallocarray(*list, *count + 2, sizeof **list) : NULL;
	if (!grown) {
		free(text);
		return error_no_memory();
	}
	*list = grown;
	grown[(*count)++] = text;
	grown[*count] = NULL;
	return NULL;
}

error *plugin_argument(struct plugin *plugin, const char *argument)
{
	return append(&plugin->arguments, &plugin->argument_count, strdup(argument));
}

static error *inherit(struct plugin *plugin)
{
	for (char **variable = environ; variable && *variable; variable++)
		TRY(append(&plugin->environment, &plugin->variable_count, strdup(*variable)));
	return NULL;
}

error *plugin_set(struct plugin *plugin, const char *name, const char *value)
{
	char *text;
	size_t size = strlen(name);
	if (!plugin->environment)
		TRY(inherit(plugin));
	if (asprintf(&text, "%s=%s", name, value) < 0)
		return error_no_memory();
	for (size_t i = 0; i < plugin->variable_count; i++) {
		if (strncmp(plugin->environment[i], text, size + 1) != 0)
			continue;
		free(plugin->environment[i]);
		plugin->environment[i] = text;
		return NULL;
	}
	return append(&plugin->environment, &plugin->variable_count, text);
}

bool plugin_has_terminal(void)
{
	return isatty(STDIN_FILENO);
}

struct run {
	pid_t pid;
	int output; /* what it writes; -1: closed */
	bool group; /* it leads one */
};

/* Ends it, unless it has ended. */
static void run_end(struct run *run)
{
	if (run->output >= 0)
		close(run->output);
	if (run->pid > 0) {
		kill(run->group ? -run->pid : run->pid, SIGKILL);
		while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}
DEFINE_CLEANUP_IN_PLACE(run_end, struct run)

static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *how, int output, bool interactive)
{
	/* A group of its own can be ended as a whole; but only our group may read from the terminal. */
	sigset_t usual;
	short flags = POSIX_SPAWN_SETSIGDEF;
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE); /* which this program ignores */
	int failed = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
	if (!interactive) {
		flags |= POSIX_SPAWN_SETPGROUP;
		if (!failed)
			failed = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	}
	failed = failed ? failed : posix_spawnattr_setsigdefault(how, &usual);
	return failed ? failed : posix_spawnattr_setflags(how, flags);
}

static int spawn(const struct plugin *plugin, int output, bool interactive, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	int failed = prepare(&files, &how, output, interactive);
	if (!failed)
		failed = posix_spawnp(ret, plugin->arguments[0], &files, &how, plugin->arguments,
				      plugin->environment ? plugin->environment : environ);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

static error *start(const struct plugin *plugin, const char *what, bool interactive, struct run *ret)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_errno(ERROR_INTERNAL, errno, "a pipe for %s", what);
	int failed = spawn(plugin, ends[1], interactive, &ret->pid);
	close(ends[1]);
	if (failed) {
		close(ends[0]);
		ret->pid = 0;
		return error_errno(failed == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID, failed, "%s can't be started",
				   what);
	}
	ret->output = ends[0];
	ret->group = !interactive;
	return NULL;
}

static error *wait_for_output(const struct run *run, const char *what, int64_t end_ms, unsigned timeout_s)
{
	struct pollfd waiting = { .fd = run->output, .events = POLLIN };
	for (;;) {
		int64_t left = end_ms - clock_monotonic_ms();
		int ready = left > 0 ? poll(&waiting, 1, (int)left) : 0;
		if (ready > 0)
			return NULL;
		if (ready == 0)
			return error_new(ERROR_UNAVAILABLE, "%s has not ended after %u seconds", what, timeout_s);
		if (errno != EINTR)
			return error_errno(ERROR_INTERNAL, errno, "waiting for %s", what);
	}
}

static error *collect(const struct run *run, const char *what, int64_t end_ms, unsigned timeout_s, struct writer *w)
{
	char chunk[4096];
	ssize_t got = 1;
	error *e = NULL;
	while (!e && got > 0) {
		e = wait_for_output(run, what, end_ms, timeout_s);
		if (e)
			break;
		got = read(run->output, chunk, sizeof chunk);
		if (got > 0)
			write_bytes(w, bytes_of(chunk, (size_t)got));
		if (got < 0 && errno == EINTR)
			got = 1;
		if (w->too_large)
			e = error_new(ERROR_TOO_LARGE, "%s writes more than %d bytes", what, OUTPUT_MAX);
	}
	explicit_bzero(chunk, sizeof chunk);
	return e;
}

/* It has closed its output, and may live on for a moment. */
static error *wait_for_end(struct run *run, const char *what, int64_t end_ms, unsigned timeout_s)
{
	enum { PAUSE_MS = 5 };
	int status = 0;
	pid_t ended;
	while ((ended = waitpid(run->pid, &status, WNOHANG)) == 0) {
		if (clock_monotonic_ms() >= end_ms)
			return error_new(ERROR_UNAVAILABLE, "%s has not ended after %u seconds", what, timeout_s);
		poll(NULL, 0, PAUSE_MS);
	}
	run->pid = 0;
	if (ended < 0)
		return error_errno(ERROR_INTERNAL, errno, "waiting for %s", what);
	if (WIFSIGNALED(status))
		return error_new(ERROR_DENIED, "%s was ended by signal %d", what, WTERMSIG(status));
	if (WEXITSTATUS(status) == 127)
		return error_new(ERROR_NOT_FOUND, "%s was not found (exit status 127)", what);
	if (WEXITSTATUS(status) != 0)
		return error_new(ERROR_DENIED, "%s failed with exit status %d", what, WEXITSTATUS(status));
	return NULL;
}

error *plugin_run(const struct plugin *plugin, const char *what, bool interactive, unsigned timeout_s,
		  struct secret *ret)
{
	enum { INTERACTIVE_S = 600 }; /* people type */
	unsigned seconds = interactive ? INTERACTIVE_S : timeout_s;
	CLEANUP(run_end) struct run run = { .output = -1 };
	CLEANUP(writer_free) struct writer w = { .secret = true, .limit = OUTPUT_MAX };
	int64_t end_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
	TRY(start(plugin, what, interactive, &run));
	TRY(collect(&run, what, end_ms, seconds, &w));
	TRY(wait_for_end(&run, what, end_ms, seconds));
	return secret_of_writer(&w, what, ret);
}
