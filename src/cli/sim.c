/* Simulated platforms. */
#include "marblerun/sim.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/package_print.h"

static error *failed(const char *reason)
{
	return error_new(ERROR_INVALID, "%s", reason);
}

static error *check_days(const struct options *options)
{
	if (options->days < 1 || options->days > 36500)
		return error_new(ERROR_INVALID, "--days: 1 to 36500 is expected");
	return NULL;
}

error *run_sim_init(const struct options *options, int count, char **arguments)
{
	char reason[MARBLERUN_REASON_SIZE];
	const char *folder = arguments[0];
	(void)count;
	TRY(check_days(options));
	if (marblerun_sim_create(folder, clock_now(), (unsigned)options->days, reason) != 0)
		return failed(reason);
	printf("A simulated platform is in %s.\n"
	       "Its root certificate, for those who want to trust it: %s/root_ca.pem\n"
	       "Programs attest on it when MARBLERUN_SIM_PLATFORM=%s is in their environment.\n"
	       "It protects nothing: its keys lie in %s/private.\n", folder, folder, folder, folder);
	return NULL;
}

error *run_sim_set_tcb(const struct options *options, int count, char **arguments)
{
	char reason[MARBLERUN_REASON_SIZE];
	enum marblerun_tcb_status status = marblerun_tcb_status_of_name(arguments[1]);
	(void)count;
	TRY(check_days(options));
	if (status == MARBLERUN_TCB_UNKNOWN)
		return error_new(ERROR_INVALID, "\"%s\" is no TCB status; UpToDate, SWHardeningNeeded, … are",
				 arguments[1]);
	if (marblerun_sim_set_tcb(arguments[0], status, options->advisories, options->advisory_count,
				  clock_now(), (unsigned)options->days, reason) != 0)
		return failed(reason);
	printf("The platform in %s is now %s.\n", arguments[0], arguments[1]);
	return NULL;
}

error *run_sim_measure(const struct options *options, int count, char **arguments)
{
	char reason[MARBLERUN_REASON_SIZE];
	struct marblerun_sim_program p;
	struct package_properties properties;
	(void)count;
	if (marblerun_sim_measure(arguments[0], arguments[1], &p, reason) != 0)
		return failed(reason);
	properties = (struct package_properties){ .product_id = p.product_id,
						  .security_version = p.security_version,
						  .debug = p.debug };
	memcpy(properties.unique_id, p.unique_id, 32);
	memcpy(properties.signer_id, p.signer_id, 32);
	return package_print(options, arguments[1], &properties);
}

error *run_sim_sign(const struct options *options, int count, char **arguments)
{
	char reason[MARBLERUN_REASON_SIZE];
	(void)count;
	if (options->product_id > UINT16_MAX || options->security_version > UINT16_MAX)
		return error_new(ERROR_INVALID, "--product-id and --security-version: 0 to 65535 is expected");
	if (marblerun_sim_sign(arguments[0], arguments[1], (uint16_t)options->product_id,
			       (uint16_t)options->security_version, options->debug, reason) != 0)
		return failed(reason);
	printf("Signed %s: product %u, security version %u%s.\n", arguments[1],
	       (unsigned)options->product_id, (unsigned)options->security_version,
	       options->debug ? ", debug" : "");
	return NULL;
}
