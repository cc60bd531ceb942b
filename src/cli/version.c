#include <stdio.h>

#include "cli/command.h"

error *run_version(const struct options *options, int count, char **arguments)
{
	(void)count, (void)arguments;
	if (options->output)
		printf("{\"version\": \"%s\"}\n", MARBLERUN_VERSION);
	else
		printf("marblerun %s\n", MARBLERUN_VERSION);
	return NULL;
}
