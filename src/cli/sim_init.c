#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/sim.h"
#include "marblerun/sim.h"

enum { DEFAULT_DAYS = 365 };

static void say_what_next(const char *folder, unsigned days)
{
	printf("A simulated platform is in %s, valid for %u days. It protects nothing: it is for trying\n"
	       "things out. Whoever is to believe its evidence has to name its root, %s/root_ca.pem.\n"
	       "\nNext:\n"
	       "  export MARBLERUN_SIM_PLATFORM=\"$(realpath '%s')\"\n"
	       "  marblerun sim measure '%s' PROGRAM --output json   what the manifest's Packages say\n"
	       "  marblerun sim measure '%s' \"$(command -v marblerun-coordinator)\" --output json \\\n"
	       "    > coordinator-era.json                           what the coordinator must be\n"
	       "  marblerun-coordinator                              start it\n"
	       "  marblerun manifest set manifest.json localhost:4433 --sim-root '%s/root_ca.pem'\n"
	       "  EDG_MARBLE_TYPE=... marblerun-premain PROGRAM      start a marble\n",
	       folder, days, folder, folder, folder, folder, folder);
}

static error *run(const struct invocation *call)
{
	char reason[MARBLERUN_REASON_SIZE];
	const char *folder = call->arguments[0];
	unsigned days = flag_given(&call->flags, FLAG_DAYS) ? call->flags.numbers[FLAG_DAYS] : DEFAULT_DAYS;
	TRY(sim_error(marblerun_sim_create(folder, clock_now(), days, reason), reason));
	say_what_next(folder, days);
	return NULL;
}

const struct command sim_init_command = {
	.name = "sim init",
	.arguments = "DIR",
	.least = 1,
	.most = 1,
	.summary = "Make a simulated platform",
	.text = "Makes a root CA, a PCK chain, TCB info, QE identity, CRLs and a signer in DIR. With\n"
		"MARBLERUN_SIM_PLATFORM=DIR, coordinator and marbles issue genuine quotes under that\n"
		"root.\n",
	.examples = "  marblerun sim init platform\n",
	.own = { FLAG_DAYS },
	.local = true,
	.run = run,
};
