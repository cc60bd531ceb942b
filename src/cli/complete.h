/* What shells complete words by: the tables of commands and flags themselves. */
#pragma once
#include <stdio.h>

#include "cli/command.h"

/* The first argument by which completions/ ask; help does not show it. */
#define COMPLETE_COMMAND "__complete"

/* What the last of the words may become: each on a line, with a tab and what it is. A line ":file" or ":folder"
 * stands for all that the shell finds. Says nothing where nothing is known. */
void complete(FILE *to, char *const *words, size_t count);
