#include "cli/command.h"
#include "cli/output.h"
#include "cli/sim.h"

static error *run(const struct invocation *call)
{
	struct package_properties p;
	TRY(simulated_properties(call->arguments[0], call->arguments[1], &p));
	if (flags_want_json(&call->flags)) {
		CLEANUP_JSON json_t *json = json_object();
		TRY_ALLOC(json);
		TRY(sim_properties_to_json(&p, json));
		return print_json(json);
	}
	print_field("UniqueID", "%s", hex_of(BYTES_OF_ARRAY(p.unique_id)).text);
	print_field("SignerID", "%s", hex_of(BYTES_OF_ARRAY(p.signer_id)).text);
	print_field("ProductID", "%u", p.product_id);
	print_field("SecurityVersion", "%u", p.security_version);
	print_field("Debug", "%s", p.debug ? "true" : "false");
	return NULL;
}

const struct command sim_measure_command = {
	.name = "sim measure",
	.arguments = "DIR PROGRAM",
	.least = 2,
	.most = 2,
	.summary = "Print what a program is measured as on a simulated platform",
	.text = "As JSON, the output is an entry for the manifest's Packages, and a file for\n"
		"--era-config.\n",
	.examples = "  marblerun sim measure platform /usr/bin/redis-server\n"
		    "  marblerun sim measure platform ./marblerun-coordinator --output json \\\n"
		    "    > coordinator-era.json\n",
	.own = { FLAG_OUTPUT_FORMAT },
	.local = true,
	.run = run,
};
