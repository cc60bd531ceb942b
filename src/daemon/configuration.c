#include "daemon/configuration.h"

#include <stdlib.h>
#include <string.h>

static const char *text(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

/* "1" is on; unset, empty and "0" are off; anything else is a mistake that must not pass for either. */
static error *flag(const char *name, bool *ret)
{
	const char *value = text(name, "0");
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return error_new(ERROR_INVALID, "%s is \"%s\"; 1 or 0 is expected", name, value);
	*ret = strcmp(value, "1") == 0;
	return NULL;
}

static error *read_log(struct configuration *c)
{
	bool development, debug;
	const char *format = text("EDG_LOG_FORMAT", "text");
	TRY(flag("EDG_COORDINATOR_DEV_MODE", &development));
	TRY(flag("EDG_DEBUG_LOGGING", &debug));
	if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return error_new(ERROR_INVALID, "EDG_LOG_FORMAT is \"%s\"; text or json is expected",
				 format);
	c->log_format = strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT;
	c->log_level = development || debug ? LOG_DEBUG_LEVEL : LOG_INFO_LEVEL;
	return NULL;
}

static error *read_simulation(struct configuration *c)
{
	TRY(flag("OE_SIMULATION", &c->plain_simulation));
	c->simulated_platform = text("MARBLERUN_SIM_PLATFORM", NULL) != NULL;
	if (c->plain_simulation && c->simulated_platform)
		return error_new(ERROR_INVALID, "OE_SIMULATION=1 and MARBLERUN_SIM_PLATFORM are both set: "
				 "the first turns evidence off, the second simulates it; choose one");
	return NULL;
}

error *configuration_read(struct configuration *ret)
{
	struct configuration c = {
		.mesh_address = text("EDG_COORDINATOR_MESH_ADDR", ":2001"),
		.client_address = text("EDG_COORDINATOR_CLIENT_ADDR", ":4433"),
		.dns_names = text("EDG_COORDINATOR_DNS_NAMES", "localhost"),
		.metrics_address = text("EDG_COORDINATOR_PROMETHEUS_ADDR", NULL),
		.startup_manifest = text("EDG_STARTUP_MANIFEST", NULL),
		.collateral_folder = text("MARBLERUN_COLLATERAL_DIR", NULL),
		.pccs = text("MARBLERUN_PCCS_URL", NULL),
		.kds = text("MARBLERUN_KDS_URL", NULL),
		.tpm = text("MARBLERUN_TPM", NULL),
		.seal_folder = text("EDG_COORDINATOR_SEAL_DIR", "marblerun-coordinator-data"),
	};
	TRY(read_log(&c));
	TRY(read_simulation(&c));
	*ret = c;
	return NULL;
}
