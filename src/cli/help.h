/* Help on each level. */
#pragma once
#include <stdio.h>

#include "cli/command.h"

void help_on_program(FILE *to);
void help_on_group(FILE *to, const char *group);
void help_on_command(FILE *to, const struct command *command);
