/* marblerun: the command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/flags.h"
#include "cli/terminal.h"

static void print_children(const struct command *command)
{
	printf("Usage: %s COMMAND\n\n%s.\n\nCommands:\n", command->name, command->summary);
	for (const struct command *c = command->children; c->name; c++)
		printf("  %-14s %s\n", c->name, c->summary);
	printf("\n\"… COMMAND --help\" explains each.\n");
}

static void print_help(const struct command *command)
{
	if (command->children) {
		print_children(command);
	} else {
		printf("Usage: %s %s [FLAGS]\n\n%s.\n", command->name, command->arguments, command->summary);
		if (command->details)
			printf("%s\n", command->details);
		printf("\nFlags:\n");
		flags_print(command->flags);
	}
	if (command->example)
		printf("\nExample:\n  %s\n", command->example);
	printf("\nExit status: 0 done, 1 refused or failed, 2 wrong usage. See marblerun(1).\n");
}

static bool is_help(const char *argument)
{
	return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0 ||
	       strcmp(argument, "help") == 0;
}

static int usage(const error *e)
{
	fprintf(stderr, "marblerun: %s; see --help\n", error_message(e));
	return EXIT_USAGE;
}

static error *find_child(const struct command *command, const char *name, const struct command **ret)
{
	for (const struct command *c = command->children; c->name; c++) {
		if (strcmp(c->name, name) == 0) {
			*ret = c;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "there is no command \"%s %s\"", command->name, name);
}

static error *check_count(const struct command *command, int count)
{
	if (count >= command->least && count <= command->most)
		return NULL;
	return error_new(ERROR_INVALID, "%s: %d arguments are given; %s is expected", command->name, count,
			 *command->arguments ? command->arguments : "none");
}

static int run(const struct command *command, int argc, char **argv)
{
	struct options options = { .days = 365, .product_id = 1, .security_version = 1 };
	char **arguments;
	int count;
	CLEANUP(error_free) error *e = flags_parse(command, argc, argv, &options, &count, &arguments);
	if (!e && options.help) {
		print_help(command);
		return EXIT_DONE;
	}
	if (!e)
		e = check_count(command, count);
	if (e)
		return usage(e);
	e = command->run(&options, count, arguments);
	if (!e)
		return EXIT_DONE;
	fprintf(stderr, "%s %s\n", paint(stderr, PAINT_RED, "Error:"), error_message(e));
	return EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	const struct command *command = &root_command;
	signal(SIGPIPE, SIG_IGN);
	for (; command->children; argc--, argv++) {
		if (argc < 2) {
			CLEANUP(error_free) error *e = error_new(ERROR_INVALID, "%s: a command is expected",
								 command->name);
			return usage(e);
		}
		if (is_help(argv[1])) {
			print_help(command);
			return EXIT_DONE;
		}
		const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
		CLEANUP(error_free) error *e = find_child(command, name, &command);
		if (e)
			return usage(e);
	}
	return run(command, argc, argv);
}
