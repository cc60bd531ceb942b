/* A program that is called for what it prints. */
#pragma once
#include "base/secret.h"

struct plugin {
	char **arguments;   /* the program first; NULL-terminated */
	char **environment; /* ours, and what was set; NULL-terminated */
	size_t argument_count, variable_count;
};
void plugin_free(struct plugin *plugin);
DEFINE_CLEANUP_IN_PLACE(plugin_free, struct plugin)

error *plugin_argument(struct plugin *plugin, const char *argument) MUST_USE;
error *plugin_set(struct plugin *plugin, const char *name, const char *value) MUST_USE;
/* Is there somebody to ask? */
bool plugin_has_terminal(void);
/* Its standard output, as large as 1 MiB; its standard error is ours. Without `interactive` it reads nothing and
 * is ended, with all that it started, after `timeout_s` seconds. ERROR_NOT_FOUND: there is no such program;
 * ERROR_DENIED: it failed; ERROR_UNAVAILABLE: it took too long. `what` names it in messages. */
error *plugin_run(const struct plugin *plugin, const char *what, bool interactive, unsigned timeout_s,
		  struct secret *ret) MUST_USE;
