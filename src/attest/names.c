#include "marblerun/verify.h"

#include <string.h>

#include "base/version.h"

const char *marblerun_version(void)
{
	return version_number;
}

static const char *const status_names[] = {
	[MARBLERUN_TCB_UNKNOWN] = "Unknown",
	[MARBLERUN_TCB_UP_TO_DATE] = "UpToDate",
	[MARBLERUN_TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
	[MARBLERUN_TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
	[MARBLERUN_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
	[MARBLERUN_TCB_OUT_OF_DATE] = "OutOfDate",
	[MARBLERUN_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
	[MARBLERUN_TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
	[MARBLERUN_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
	[MARBLERUN_TCB_REVOKED] = "Revoked",
};
enum { STATUS_COUNT = sizeof status_names / sizeof status_names[0] };

const char *marblerun_tcb_status_name(enum marblerun_tcb_status status)
{
	return (unsigned)status < STATUS_COUNT ? status_names[status] : status_names[0];
}

enum marblerun_tcb_status marblerun_tcb_status_of_name(const char *name)
{
	for (unsigned i = MARBLERUN_TCB_UP_TO_DATE; i < STATUS_COUNT; i++)
		if (strcmp(name, status_names[i]) == 0)
			return (enum marblerun_tcb_status)i;
	return MARBLERUN_TCB_UNKNOWN;
}

const char *marblerun_step_name(enum marblerun_step step)
{
	static const char *const names[] = {
		[MARBLERUN_STEP_NONE] = "none",
		[MARBLERUN_STEP_FORMAT] = "format",
		[MARBLERUN_STEP_ENDORSEMENTS] = "endorsements",
		[MARBLERUN_STEP_ROOT] = "root",
		[MARBLERUN_STEP_CERTIFICATES] = "certificates",
		[MARBLERUN_STEP_REVOCATION] = "revocation",
		[MARBLERUN_STEP_SIGNATURE] = "signature",
		[MARBLERUN_STEP_QUOTING_ENCLAVE] = "quoting enclave",
		[MARBLERUN_STEP_TCB_INFO] = "tcb info",
		[MARBLERUN_STEP_TCB_LEVEL] = "tcb level",
		[MARBLERUN_STEP_MODULE] = "module",
		[MARBLERUN_STEP_POLICY] = "policy",
	};
	return (unsigned)step < sizeof names / sizeof names[0] ? names[step] : "unknown";
}
