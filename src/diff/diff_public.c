/* marblerun_manifest_diff (marblerun/manifest.h). */
#include <stdio.h>

#include "diff/diff.h"
#include "manifest/check.h"
#include "manifest/package_update.h"
#include "manifest/parse.h"
#include "marblerun/manifest.h"

static error *print(const struct manifest_diff *diff, char **ret)
{
	CLEANUP_JSON json_t *json = NULL;
	TRY(diff_json(diff, &json));
	char *text = json_dumps(json, JSON_COMPACT);
	TRY_ALLOC(text);
	*ret = text;
	return NULL;
}

static error *read_and_compare(bytes old, bytes new, char **ret)
{
	CLEANUP(manifest_free) struct manifest *from = NULL;
	CLEANUP(manifest_free) struct manifest *to = NULL;
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	TRY_CTX(manifest_parse(old, &from), "old manifest");
	TRY_CTX(manifest_check(from), "old manifest");
	TRY_CTX(manifest_parse(new, &to), "new manifest");
	if (!manifest_is_package_update(to))
		TRY_CTX(manifest_check(to), "new manifest");
	TRY_CTX(manifest_diff(from, to, NULL, &diff), "new manifest");
	return print(diff, ret);
}

int marblerun_manifest_diff(struct marblerun_bytes old_manifest, struct marblerun_bytes new_manifest,
			    char **ret_json, char reason[MARBLERUN_REASON_SIZE])
{
	error *e = read_and_compare(bytes_of(old_manifest.data, old_manifest.size),
				    bytes_of(new_manifest.data, new_manifest.size), ret_json);
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}
