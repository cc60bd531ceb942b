#include "cli/recovery_data.h"

#include "base/file.h"
#include "cli/output.h"

error *recovery_data_deliver(const struct invocation *call, json_t *answer, const char *done)
{
	json_t *secrets = json_member(answer, "RecoverySecrets");
	const char *path = call->flags.values[FLAG_RECOVERY_DATA];
	CLEANUP(blob_free) struct blob text = { 0 };
	if (!json_is_object(secrets) || json_object_size(secrets) == 0)
		return NULL;
	CLEANUP_JSON json_t *out = json_pack("{s:O}", "RecoverySecrets", secrets);
	TRY_ALLOC(out);
	TRY(json_print(out, JSON_COMPACT, &text));
	error *e = path ? file_replace(path, blob_view(&text), 0600) : NULL;
	if (path && !e)
		say_note("Recovery data saved to %s", path);
	else
		printf("%.*s\n", (int)text.size, (const char *)text.data);
	return error_wrap(e, "%s, but its recovery data could only be printed: --recoverydata", done);
}
