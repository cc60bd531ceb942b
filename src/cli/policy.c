#include "cli/policy.h"

#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/json.h"

enum { POLICY_SIZE_MAX = 1 << 20 };
static const char default_file[] = "coordinator-era.json";

const char *policy_file(const struct flag_values *flags)
{
	const char *named = flags->values[FLAG_ERA_CONFIG];
	if (named)
		return named;
	return access(default_file, F_OK) == 0 ? default_file : NULL;
}

/* A flag's comma-separated list replaces the member, however that is spelled. */
static error *replace_list(json_t *policy, const char *name, const char *list)
{
	const char *key;
	json_t *value, *items = json_array();
	void *next;
	TRY_ALLOC(items);
	json_object_foreach_safe(policy, next, key, value)
		if (strcasecmp(key, name) == 0)
			json_object_del(policy, key);
	int failed = json_object_set_new(policy, name, items);
	while (!failed && *list) {
		size_t size = strcspn(list, ",");
		failed = json_array_append_new(items, json_stringn(list, size));
		list += size;
		list += *list == ',';
	}
	return failed ? error_new(ERROR_INVALID, "%s: the list is no UTF-8 text", name) : NULL;
}

static error *apply_flags(json_t *policy, const struct flag_values *flags)
{
	const char *statuses = flags->values[FLAG_ACCEPTED_TCB_STATUSES];
	const char *advisories = flags->values[FLAG_ACCEPTED_ADVISORIES];
	if (statuses)
		TRY(replace_list(policy, "AcceptedTCBStatuses", statuses));
	if (advisories)
		TRY(replace_list(policy, "AcceptedAdvisories", advisories));
	return NULL;
}

error *policy_load(const char *path, const struct flag_values *flags, marblerun_policy **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(blob_free) struct blob changed = { 0 };
	CLEANUP_JSON json_t *policy = NULL;
	TRY_CTX(file_read(path, POLICY_SIZE_MAX, &text), "--era-config");
	TRY(json_parse(blob_view(&text), path, &policy));
	if (!json_is_object(policy))
		return error_new(ERROR_INVALID, "%s holds a JSON %s: an object is expected", path,
				 json_type_name(policy));
	TRY_CTX(apply_flags(policy, flags), "%s", path);
	TRY(json_print(policy, JSON_COMPACT, &changed));
	if (marblerun_policy_parse((const char *)changed.data, changed.size, ret, reason) != 0)
		return error_new(ERROR_INVALID, "%s: %s", path, reason);
	return NULL;
}
