/* Flags: parsing, and their part of the help. */
#pragma once
#include "cli/command.h"

/* Reads the flags of `argv` (argv[0] is the command's name) that the command takes; arguments may stand
 * between them. *count and *arguments are what is left. ERROR_INVALID for wrong usage. */
error *flags_parse(const struct command *command, int argc, char **argv, struct options *options,
		   int *count, char ***arguments) MUST_USE;
void flags_print(unsigned sets);
