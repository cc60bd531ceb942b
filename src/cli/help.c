#include "cli/help.h"

#include <string.h>

static const char exit_statuses[] =
	"\nExit status: 0 success, 1 refused or failed, 2 wrong usage.\n";
static const char exit_statuses_of_judges[] =
	"\nExit status: 0 accepted, 1 refused, 2 wrong usage, or what kept it from judging.\n";

static void list(FILE *to, const char *group)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = commands[i];
		if (!group || command_is_in(c, group, strlen(group)))
			fprintf(to, "  %-37s %s\n", c->name, c->summary);
	}
}

void help_on_program(FILE *to)
{
	fputs("The command line of the Marblerun confidential service mesh.\n\n"
	      "Usage: marblerun COMMAND [ARGUMENTS] [FLAGS]\n\nCommands:\n", to);
	list(to, NULL);
	fputs("\nVerify a whole application from outside:\n"
	      "  marblerun manifest verify manifest.json mesh.example:4433 \\\n"
	      "    --era-config coordinator-era.json\n"
	      "\nTry everything without a TEE:\n"
	      "  marblerun sim init platform\n"
	      "\n'marblerun COMMAND --help' says more about a command.\n", to);
	fputs(exit_statuses, to);
}

void help_on_group(FILE *to, const char *group)
{
	fprintf(to, "Usage: marblerun %s COMMAND [ARGUMENTS] [FLAGS]\n\nCommands:\n", group);
	list(to, group);
	fprintf(to, "\n'marblerun %s COMMAND --help' says more about a command.\n", group);
	fputs(exit_statuses, to);
}

enum { TEXT_COLUMN = 36, WIDTH = 100 };

/* Words wrapped between the column of the texts and the width. */
static void print_wrapped(FILE *to, const char *text)
{
	size_t column = TEXT_COLUMN;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column > TEXT_COLUMN && column + 1 + word > WIDTH) {
			fprintf(to, "\n%*s", TEXT_COLUMN, "");
			column = TEXT_COLUMN;
		} else if (column > TEXT_COLUMN) {
			putc(' ', to);
			column++;
		}
		fprintf(to, "%.*s", (int)word, text);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	putc('\n', to);
}

static void print_flag(FILE *to, enum flag flag)
{
	char name[64];
	const char *text;
	if (!flag_describe(flag, name, sizeof name, &text))
		return;
	fprintf(to, "  %-*s", TEXT_COLUMN - 2, name);
	print_wrapped(to, text);
}

static bool has_commands(const char *group)
{
	for (size_t i = 0; i < command_count; i++)
		if (command_is_in(commands[i], group, strlen(group)))
			return true;
	return false;
}

void help_on_command(FILE *to, const struct command *command)
{
	fprintf(to, "%s\n\nUsage: marblerun %s%s%s [FLAGS]\n", command->summary, command->name,
		*command->arguments ? " " : "", command->arguments);
	if (command->text)
		fprintf(to, "\n%s", command->text);
	fprintf(to, "\nExamples:\n%s", command->examples);
	if (has_commands(command->name)) {
		fputs("\nCommands:\n", to);
		list(to, command->name);
	}
	if (command->own[0])
		fputs("\nFlags:\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(command->own) && command->own[i]; i++)
		print_flag(to, command->own[i]);
	fputs(command->local ? "" : "\nCommon flags:\n", to);
	for (enum flag flag = FLAG_HELP; !command->local && flag < FLAG_COMMON_END; flag++)
		print_flag(to, flag);
	fputs(command->judges ? exit_statuses_of_judges : exit_statuses, to);
}
