#include "base/version.h"
#include "cli/coordinator.h"
#include "cli/jsend.h"
#include "cli/output.h"

static json_t *own_version(void)
{
	return json_pack("{s:s, s:s}", "version", version_number, "commit", version_commit);
}

static error *coordinator_version(const struct invocation *call, const char *address, json_t **ret)
{
	static const char path[] = "/api/v2/version";
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *data = NULL;
	bytes text;
	TRY(coordinator_open(call, address, &c));
	TRY(coordinator_request(&c, path, NULL, &data));
	TRY(json_text_member(data, "version", path, &text));
	TRY(json_text_member(data, "commit", path, &text));
	*ret = TAKE(data);
	return NULL;
}

static error *print_both_as_json(json_t *cli, json_t *coordinator)
{
	CLEANUP_JSON json_t *out = json_pack("{s:O, s:O*}", "cli", cli, "coordinator", coordinator);
	TRY_ALLOC(out);
	return print_json(out);
}

static void print_version(const char *whose, const json_t *version)
{
	printf("%s Version: v%s\nCommit: %s\n", whose, json_string_value(json_object_get(version, "version")),
	       json_string_value(json_object_get(version, "commit")));
}

static error *run(const struct invocation *call)
{
	CLEANUP_JSON json_t *own = own_version(), *theirs = NULL;
	TRY_ALLOC(own);
	if (call->count)
		TRY(coordinator_version(call, call->arguments[0], &theirs));
	if (flags_want_json(&call->flags))
		return print_both_as_json(own, theirs);
	print_version("CLI", own);
	if (theirs)
		print_version("Coordinator", theirs);
	return NULL;
}

const struct command version_command = {
	.name = "version",
	.arguments = "[ADDRESS]",
	.most = 1,
	.summary = "Show the version of this program, and of a coordinator",
	.text = "With an ADDRESS, connects to the coordinator that was verified last, or verifies it\n"
		"now when --era-config is given, and shows its version too.\n",
	.examples = "  marblerun version\n"
		    "  marblerun version mesh.example:4433 --output json\n",
	.own = { FLAG_OUTPUT_FORMAT },
	.run = run,
};
