#include "cli/coordinator.h"
#include "cli/output.h"

static error *run(const struct invocation *call)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_JSON json_t *nothing = json_object();
	TRY_ALLOC(nothing);
	TRY(identity_open(&call->flags, &who));
	TRY(coordinator_open(call, call->arguments[0], &c));
	TRY(coordinator_authenticate(&c, &who));
	TRY(coordinator_request(&c, "/api/v2/update-cancel", nothing, &answer));
	say_note("The pending update is cancelled.");
	return NULL;
}

const struct command manifest_update_cancel_command = {
	.name = "manifest update cancel",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Drop a pending update",
	.text = "Any user who may update the manifest may do so.\n",
	.examples = "  marblerun manifest update cancel mesh.example:4433 --cert bob.crt --key bob.key\n",
	.own = { IDENTITY_FLAGS },
	.check = identity_check,
	.run = run,
};
