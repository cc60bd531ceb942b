#include <stdio.h>

#include "cli/session.h"
#include "codec/json.h"

error *run_status(const struct options *options, int count, char **arguments)
{
	CLEANUP(session_close) struct session s = { 0 };
	CLEANUP_JSON json_t *data = NULL;
	(void)count;
	TRY(session_open(options, arguments[0], &s));
	TRY(session_request(&s, "/api/v2/status", NULL, &data));
	const char *message = json_string_value(json_object_get(data, "message"));
	if (!json_is_integer(json_object_get(data, "code")) || !message)
		return error_new(ERROR_UNAVAILABLE, "the coordinator's answer lacks code or message");
	if (options->output) {
		CLEANUP(blob_free) struct blob text = { 0 };
		TRY(json_print(data, JSON_INDENT(2), &text));
		printf("%.*s\n", (int)text.size, (const char *)text.data);
	} else {
		printf("%lld: %s\n", (long long)json_integer_value(json_object_get(data, "code")), message);
	}
	return NULL;
}
