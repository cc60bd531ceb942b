/* The injector's configuration: flags as MarbleRun's, and the environment for its log. */
#pragma once
#include "base/log.h"
#include "injector/inject.h"

struct configuration {
	const char *address;          /* where the webhook is served */
	const char *metrics_address;  /* empty: nowhere */
	const char *certificate_file, *key_file;
	struct injection_rules rules;
	unsigned shutdown_delay_s;    /* from the signal on, in which it still accepts */
	enum log_format log_format;
	enum log_level log_level;
	bool help, version;
};

/* ERROR_INVALID names the flag or the variable, and what was expected. Strings stay owned by arguments and
 * environment. Flags are -name=value or -name value, with one dash or two. */
error *configuration_read(int count, char *const *arguments, struct configuration *ret) MUST_USE;
