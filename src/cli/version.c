#include <stdio.h>

#include "cli/command.h"

static error *run(const struct invocation *call)
{
	(void)call;
	puts("CLI Version: v" MARBLERUN_VERSION);
	return NULL;
}

const struct command version_command = {
	.name = "version",
	.arguments = "",
	.summary = "Show the version of this program",
	.examples = "  marblerun version\n",
	.local = true,
	.run = run,
};
