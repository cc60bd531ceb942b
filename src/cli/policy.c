#include "cli/policy.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/json.h"

static const char default_file[] = "coordinator-era.json";

bool policy_is_given(const struct options *options)
{
	return options->era_config;
}

/* "a,b" becomes ["a", "b"] in place of what the file says. */
static error *replace_list(json_t *policy, const char *name, const char *list)
{
	json_t *array, *old;
	if (!list)
		return NULL;
	array = json_array();
	TRY_ALLOC(array);
	while (*list) {
		size_t length = strcspn(list, ",");
		if (length)
			json_array_append_new(array, json_stringn(list, length));
		list += length + (list[length] == ',');
	}
	while ((old = json_member(policy, name))) {
		const char *key;
		json_t *value;
		void *next;
		json_object_foreach_safe(policy, next, key, value)
			if (value == old)
				json_object_del(policy, key);
	}
	json_object_set_new(policy, name, array);
	return NULL;
}

static error *read_file(const struct options *options, json_t **ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	const char *path = options->era_config ? options->era_config : default_file;
	if (!options->era_config && access(default_file, F_OK) != 0)
		return error_new(ERROR_INVALID, "nothing says what the coordinator must be: give --era-config FILE "
				 "(JSON with its UniqueID, or SignerID, ProductID and SecurityVersion), or "
				 "--insecure");
	TRY_CTX(file_read(path, 1 << 20, &text), "--era-config");
	return json_parse(blob_view(&text), path, ret);
}

error *policy_of_options(const struct options *options, marblerun_policy **ret)
{
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	char reason[MARBLERUN_REASON_SIZE];
	TRY(read_file(options, &json));
	TRY(replace_list(json, "AcceptedTCBStatuses", options->accepted_tcb_statuses));
	TRY(replace_list(json, "AcceptedAdvisories", options->accepted_advisories));
	TRY(json_print(json, JSON_COMPACT, &text));
	if (marblerun_policy_parse((const char *)text.data, text.size, ret, reason) != 0)
		return error_new(ERROR_INVALID, "--era-config: %s", reason);
	return NULL;
}
