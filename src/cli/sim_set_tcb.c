#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/sim.h"
#include "marblerun/sim.h"

enum { DEFAULT_DAYS = 365 };

static error *run(const struct invocation *call)
{
	char reason[MARBLERUN_REASON_SIZE];
	const char *name = call->arguments[1];
	enum marblerun_tcb_status status = marblerun_tcb_status_of_name(name);
	unsigned days = flag_given(&call->flags, FLAG_DAYS) ? call->flags.numbers[FLAG_DAYS] : DEFAULT_DAYS;
	if (status == MARBLERUN_TCB_UNKNOWN)
		return error_new(ERROR_INVALID, "\"%s\" is no TCB status: UpToDate, SWHardeningNeeded, "
				 "ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, OutOfDate, "
				 "OutOfDateConfigurationNeeded or Revoked is expected", name);
	int failed = marblerun_sim_set_tcb(call->arguments[0], status, call->flags.repeated,
					   call->flags.repeated_count, clock_now(), days, reason);
	TRY(sim_error(failed, reason));
	say_note("The platform is now %s; a running coordinator reads its endorsements again", name);
	return NULL;
}

const struct command sim_set_tcb_command = {
	.name = "sim set-tcb",
	.arguments = "DIR STATUS",
	.least = 2,
	.most = 2,
	.summary = "Change the TCB status of a simulated platform",
	.text = "Signs new TCB info, as Intel does when a platform's microcode becomes out of date.\n",
	.examples = "  marblerun sim set-tcb platform OutOfDate\n"
		    "  marblerun sim set-tcb platform SWHardeningNeeded --advisory INTEL-SA-00334\n",
	.own = { FLAG_ADVISORY, FLAG_DAYS },
	.local = true,
	.run = run,
};
