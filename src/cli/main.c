/* marblerun: the command line. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/output.h"
#include "codec/json.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

const struct command *const commands[] = {
	&status_command,
	&check_command,
	&install_command,
	&uninstall_command,
	&precheck_command,
	&manifest_set_command,
	&manifest_get_command,
	&manifest_verify_command,
	&manifest_signature_command,
	&manifest_log_command,
	&manifest_diff_command,
	&manifest_update_apply_command,
	&manifest_update_acknowledge_command,
	&manifest_update_cancel_command,
	&manifest_update_get_command,
	&certificate_root_command,
	&certificate_intermediate_command,
	&certificate_chain_command,
	&secret_set_command,
	&secret_get_command,
	&recover_command,
	&recover_with_signature_command,
	&recover_public_key_command,
	&recover_sign_command,
	&recover_encrypt_command,
	&package_info_command,
	&evidence_show_command,
	&evidence_verify_command,
	&sim_init_command,
	&sim_measure_command,
	&sim_sign_command,
	&sim_set_tcb_command,
	&sim_show_command,
	&version_command,
};
const size_t command_count = ARRAY_SIZE(commands);

static int usage(error *e, const char *hint)
{
	say_error(error_message(e));
	fprintf(stderr, "'marblerun%s%s --help' shows how it is used.\n", *hint ? " " : "", hint);
	error_free(e);
	return EXIT_USAGE;
}

static error *check_count(const struct invocation *call)
{
	const struct command *c = call->command;
	if (call->count < c->least)
		return error_new(ERROR_INVALID, "arguments are missing: marblerun %s %s", c->name,
				 c->arguments);
	if (call->count > c->most)
		return error_new(ERROR_INVALID, "\"%s\" is one argument too many: marblerun %s%s%s",
				 call->arguments[c->most], c->name, *c->arguments ? " " : "", c->arguments);
	return NULL;
}

static int exit_code(const struct command *command, const error *e)
{
	return command && command->judges && error_code(e) != ERROR_DENIED ? EXIT_USAGE : EXIT_REFUSED;
}

static int finish(const struct command *command, error *e)
{
	bool written = fflush(stdout) == 0 && !ferror(stdout);
	if (!e && !written)
		e = error_new(ERROR_UNAVAILABLE, "writing to standard output");
	if (!e)
		return 0;
	int code = exit_code(command, e);
	say_error(error_message(e));
	error_free(e);
	return code;
}

static int run(struct invocation *call, int count, char **arguments, size_t name_size)
{
	int first;
	error *e = flags_parse(call->command, count, arguments, &call->flags, &first);
	if (!e && flag_given(&call->flags, FLAG_HELP)) {
		help_on_command(stdout, call->command);
		return finish(NULL, NULL);
	}
	if (!e) {
		call->arguments = arguments + first + name_size;
		call->count = (size_t)(count - first) - name_size;
		e = check_count(call);
	}
	if (!e && call->command->check)
		e = call->command->check(&call->flags);
	if (e)
		return usage(e, call->command->name);
	return finish(call->command, call->command->run(call));
}

/* Of the words that may follow `group` ("", "manifest"), the one that was probably meant. */
static error *unknown_command(const char *group, const char *word)
{
	struct nearest nearest = { .typed = word, .size = strlen(word) };
	size_t size = strlen(group);
	const char *space = size ? " " : "";
	for (size_t i = 0; i < command_count; i++) {
		const char *next = commands[i]->name + (size ? size + 1 : 0);
		if (!size || command_is_in(commands[i], group, size))
			nearest_try(&nearest, next, strcspn(next, " "));
	}
	if (!nearest_found(&nearest))
		return error_new(ERROR_INVALID, "unknown command \"%s%s%s\"", group, space, word);
	return error_new(ERROR_INVALID, "unknown command \"%s%s%s\": did you mean \"%s%s%.*s\"?", group, space, word,
			 group, space, (int)nearest.name_size, nearest.name);
}

/* "manifest --help", "manifest update", "manifest nonsense" */
static int group(char **words, size_t depth, int count)
{
	char name[64];
	int rest = count - (int)depth;
	const char *next = rest ? words[depth] : "";
	bool help = strcmp(next, "--help") == 0 || strcmp(next, "-h") == 0;
	int size = snprintf(name, sizeof name, "%s", words[0]);
	for (size_t i = 1; i < depth && size < (int)sizeof name; i++)
		size += snprintf(name + size, sizeof name - (size_t)size, " %s", words[i]);
	if (help || !rest)
		help_on_group(help ? stdout : stderr, name);
	if (help || !rest)
		return help ? finish(NULL, NULL) : EXIT_USAGE;
	return usage(unknown_command(name, next), name);
}

/* "help …" is "… --help"; "--version" is "version". */
static void rewrite(int count, char **arguments)
{
	static char help[] = "--help", version[] = "version";
	if (count && strcmp(arguments[0], "--version") == 0)
		arguments[0] = version;
	if (!count || strcmp(arguments[0], "help") != 0)
		return;
	memmove(arguments, arguments + 1, (size_t)(count - 1) * sizeof *arguments);
	arguments[count - 1] = help;
}

static int dispatch(int count, char **arguments)
{
	struct invocation call = { 0 };
	struct flag_values before;
	size_t used;
	int first;
	error *e = flags_parse(NULL, count, arguments, &before, &first);
	if (e)
		return usage(e, "");
	if (first == count || flag_given(&before, FLAG_HELP)) {
		bool help = flag_given(&before, FLAG_HELP);
		help_on_program(help ? stdout : stderr);
		return help ? finish(NULL, NULL) : EXIT_USAGE;
	}
	call.command = command_find(arguments + first, (size_t)(count - first), &used);
	if (call.command)
		return run(&call, count, arguments, used);
	size_t depth = command_group(arguments + first, (size_t)(count - first));
	if (depth)
		return group(arguments + first, depth, count - first);
	return usage(unknown_command("", arguments[first]), "");
}

/* What commands handle are keys and secrets: none ends in a core file, or in memory that is given
 * back. */
static void protect_secrets(void)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	json_wipe_what_is_freed();
}

int main(int count, char **arguments)
{
	protect_secrets();
	/* A closed connection or pipe is an error like others. */
	signal(SIGPIPE, SIG_IGN);
	if (count > 1 && strcmp(arguments[1], COMPLETE_COMMAND) == 0) {
		complete(stdout, arguments + 2, (size_t)count - 2);
		return finish(NULL, NULL);
	}
	rewrite(count - 1, arguments + 1);
	return dispatch(count - 1, arguments + 1);
}
