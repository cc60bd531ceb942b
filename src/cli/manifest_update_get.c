#include "cli/jsend.h"
#include "cli/manifest_update.h"
#include "cli/output.h"

static const char endpoint[] = "/api/v2/update-manifest";

static error *missing_text(json_t *answer, struct blob *ret)
{
	CLEANUP_FREE char *users = NULL;
	CLEANUP(writer_free) struct writer text = { 0 };
	TRY(manifest_update_users(json_member(answer, "missingUsers"), endpoint, &users));
	write_format(&text, "Not acknowledged yet by: %s\n", users);
	return blob_of_writer(&text, endpoint, ret);
}

static error *run(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(coordinator_open(call, call->arguments[0], &c));
	TRY(coordinator_request(&c, endpoint, NULL, &answer));
	if (flag_given(&call->flags, FLAG_MISSING))
		TRY(missing_text(answer, &text));
	else
		TRY(json_bytes_member(answer, "manifest", endpoint, &text));
	return deliver_bytes(call->flags.values[FLAG_OUTPUT_FILE], blob_view(&text), 0644);
}

const struct command manifest_update_get_command = {
	.name = "manifest update get",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Print the pending update",
	.text = "The manifest is printed byte for byte: what 'manifest update acknowledge' takes.\n",
	.examples = "  marblerun manifest update get mesh.example:4433 -o new.json\n"
		    "  marblerun manifest update get mesh.example:4433 --missing\n",
	.own = { FLAG_OUTPUT_FILE, FLAG_MISSING },
	.run = run,
};
