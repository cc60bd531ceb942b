#include <stdlib.h>
#include <string.h>

#include "marble/reason.h"
#include "marblerun/marble.h"

enum { TIMEOUT_MAX_S = 86400 };

static const char *text(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

static error *read_timeout(unsigned *ret)
{
	static const char name[] = "EDG_MARBLE_ACTIVATION_TIMEOUT";
	const char *value = text(name, "300");
	size_t digits = strspn(value, "0123456789");
	unsigned long seconds = digits && digits <= 6 && !value[digits] ? strtoul(value, NULL, 10) : 0;
	if (seconds == 0 || seconds > TIMEOUT_MAX_S)
		return error_new(ERROR_INVALID, "%s is \"%s\": seconds from 1 to %d are expected", name,
				 value, TIMEOUT_MAX_S);
	*ret = (unsigned)seconds;
	return NULL;
}

/* "1" is on; unset, empty and "0" are off; anything else is a mistake that must not pass for either. */
static error *read_simulation(bool *ret)
{
	const char *value = text("OE_SIMULATION", "0");
	bool on = strcmp(value, "1") == 0;
	if (!on && strcmp(value, "0") != 0)
		return error_new(ERROR_INVALID, "OE_SIMULATION is \"%s\": 1 or 0 is expected", value);
	if (on && text("MARBLERUN_SIM_PLATFORM", NULL))
		return error_new(ERROR_INVALID, "OE_SIMULATION=1 and MARBLERUN_SIM_PLATFORM are both set: "
				 "the first turns evidence off, the second simulates it; choose one");
	*ret = on;
	return NULL;
}

static error *read_options(struct marblerun_activation_options *ret)
{
	struct marblerun_activation_options o = {
		.coordinator_address = text("EDG_MARBLE_COORDINATOR_ADDR", "localhost:2001"),
		.type = text("EDG_MARBLE_TYPE", NULL),
		.dns_names = text("EDG_MARBLE_DNS_NAMES", "localhost"),
		.uuid_file = text("EDG_MARBLE_UUID_FILE", "uuid"),
		/* Not text(): a policy that is set but empty must not pass for none. */
		.coordinator_policy = getenv("EDG_MARBLE_COORDINATOR_POLICY"),
		.sim_root = getenv("EDG_MARBLE_COORDINATOR_SIM_ROOT"),
	};
	if (!o.type)
		return error_new(ERROR_INVALID, "EDG_MARBLE_TYPE is not set: the name of this marble's "
				 "entry in the manifest is expected");
	TRY(read_timeout(&o.timeout_s));
	TRY(read_simulation(&o.plain_simulation));
	*ret = o;
	return NULL;
}

int marblerun_activation_options_of_environment(struct marblerun_activation_options *ret,
						char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(read_options(ret), reason);
}
