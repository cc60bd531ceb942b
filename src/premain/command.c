#include "premain/command.h"

#include <string.h>

static char marble_name[] = "./marble";
static char *marble_arguments[] = { marble_name, NULL };

static char *base_name_of(char *path)
{
	char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The second name is the one under which existing LibOS images know their launcher. */
static bool is_launcher(char *name)
{
	const char *base = base_name_of(name);
	return strcmp(base, "marblerun-premain") == 0 || strcmp(base, "premain-libos") == 0;
}

static error *usage(const char *what)
{
	return error_new(ERROR_INVALID, "%s; usage: marblerun-premain PROGRAM [ARG...] (--help says more)",
			 what);
}

static error *of_command_line(char **arguments, struct command *ret)
{
	char *first = arguments[0];
	if (first && strcmp(first, "--") == 0) {
		first = *++arguments;
	} else if (first && first[0] == '-') {
		ret->help = strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0;
		ret->version = strcmp(first, "--version") == 0;
		return ret->help || ret->version ? NULL : usage("unknown option");
	}
	if (!first || !*first)
		return usage("no program is given");
	ret->program = first;
	ret->arguments = arguments;
	return NULL;
}

error *command_of_arguments(enum libos libos, int count, char **arguments, struct command *ret)
{
	struct command command = { 0 };
	if (count < 1)
		return usage("no program is given");
	if (libos == LIBOS_GRAMINE && !is_launcher(arguments[0])) {
		command.program = arguments[0];
		command.arguments = marble_arguments;
	} else if (libos == LIBOS_OCCLUM && count == 1) {
		command.base_name = true;
	} else {
		TRY(of_command_line(arguments + 1, &command));
	}
	*ret = command;
	return NULL;
}

error *command_complete(const struct command *command, const struct marblerun_parameters *given,
			const char **ret_program, char ***ret_arguments)
{
	char **arguments = given->argument_count ? given->arguments : command->arguments;
	const char *program = command->program;
	if (!arguments || !arguments[0] || (!program && !*arguments[0]))
		return error_new(ERROR_INVALID, "there is no program to start: under Occlum it is the first "
				 "element of Parameters.Argv in the manifest, or it is given to the "
				 "launcher (marblerun-premain PROGRAM)");
	if (!program)
		program = arguments[0];
	*ret_program = program;
	if (command->base_name)
		arguments[0] = base_name_of(arguments[0]);
	*ret_arguments = arguments;
	return NULL;
}
