#include "cli/status.h"

#include "cli/jsend.h"
#include "cli/output.h"

void coordinator_status_free(struct coordinator_status *status)
{
	free(status->message);
	*status = (struct coordinator_status){ 0 };
}

error *coordinator_status_fetch(struct coordinator *c, struct coordinator_status *ret)
{
	static const char path[] = "/api/v2/status";
	CLEANUP_JSON json_t *data = NULL;
	bytes message;
	TRY(coordinator_request(c, path, NULL, &data));
	TRY(json_text_member(data, "message", path, &message));
	json_t *code = json_member(data, "code");
	if (!json_is_integer(code))
		return error_new(ERROR_INVALID, "%s: the answer has no integer \"code\"", path);
	char *copy = strndup((const char *)message.data, message.size);
	TRY_ALLOC(copy);
	*ret = (struct coordinator_status){ json_integer_value(code), copy };
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP(coordinator_status_free) struct coordinator_status status = { 0 };
	TRY(coordinator_open(call, call->arguments[0], &c));
	TRY(coordinator_status_fetch(&c, &status));
	if (flags_want_json(&call->flags)) {
		CLEANUP_JSON json_t *out = json_pack("{s:I, s:s}", "code", status.code, "message",
						     status.message);
		TRY_ALLOC(out);
		return print_json(out);
	}
	printf("%lld: %s\n", (long long)status.code, status.message);
	return NULL;
}

const struct command status_command = {
	.name = "status",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Show the state of a coordinator",
	.text = "Connects to the coordinator that was verified last, or verifies it now when\n"
		"--era-config is given.\n\nStates:\n"
		"  0  uninitialized\n"
		"  1  recovery: its sealed state waits for the recovery keys\n"
		"  2  waiting for a manifest\n"
		"  3  accepting marbles\n",
	.examples = "  marblerun status mesh.example:4433\n"
		    "  marblerun status localhost:4433 --insecure --output json\n",
	.own = { FLAG_OUTPUT_FORMAT },
	.run = run,
};
