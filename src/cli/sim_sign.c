#include "cli/command.h"
#include "cli/output.h"
#include "cli/sim.h"
#include "marblerun/sim.h"

static uint16_t number(const struct invocation *call, enum flag flag)
{
	return flag_given(&call->flags, flag) ? (uint16_t)call->flags.numbers[flag] : 1;
}

static error *run(const struct invocation *call)
{
	char reason[MARBLERUN_REASON_SIZE];
	int failed = marblerun_sim_sign(call->arguments[0], call->arguments[1],
					number(call, FLAG_PRODUCT_ID),
					number(call, FLAG_SECURITY_VERSION),
					flag_given(&call->flags, FLAG_DEBUG), reason);
	TRY(sim_error(failed, reason));
	say_note("%s is signed, as it is now", call->arguments[1]);
	return NULL;
}

const struct command sim_sign_command = {
	.name = "sim sign",
	.arguments = "DIR PROGRAM",
	.least = 2,
	.most = 2,
	.summary = "Sign a program on a simulated platform",
	.text = "Sets the properties of the program's present content. Programs that are not signed have\n"
		"ProductID 1, SecurityVersion 1 and no debug.\n",
	.examples = "  marblerun sim sign platform ./server --product-id 3 --security-version 2\n",
	.own = { FLAG_PRODUCT_ID, FLAG_SECURITY_VERSION, FLAG_DEBUG },
	.local = true,
	.run = run,
};
