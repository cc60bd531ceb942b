#include "cli/coordinator.h"
#include "cli/output.h"

static const char endpoint[] = "/api/v2/update";

static error *lines(json_t *log, struct blob *ret)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	json_t *entry;
	size_t i;
	if (!json_is_array(log))
		return error_new(ERROR_INVALID, "%s: the answer has no array \"updateLog\"", endpoint);
	json_array_foreach(log, i, entry) {
		if (!json_is_string(entry))
			return error_new(ERROR_INVALID, "%s: entry %zu of the log is no string", endpoint, i);
		write_bytes(&text, json_bytes(entry));
		write_string(&text, "\n");
	}
	return blob_of_writer(&text, endpoint, ret);
}

static error *run(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(coordinator_open(call, call->arguments[0], &c));
	TRY(coordinator_request(&c, endpoint, NULL, &answer));
	TRY(lines(json_member(answer, "updateLog"), &text));
	return deliver_bytes(call->flags.values[FLAG_OUTPUT_FILE], blob_view(&text), 0644);
}

const struct command manifest_log_command = {
	.name = "manifest log",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Print what changed since the manifest was set",
	.text = "One JSON object per line, the oldest first, with its time.\n",
	.examples = "  marblerun manifest log mesh.example:4433\n",
	.own = { FLAG_OUTPUT_FILE },
	.run = run,
};
