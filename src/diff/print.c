#include "codec/hex.h"
#include "diff/diff.h"

static json_t *hex_json(bytes raw)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_hex(&w, raw);
	return json_stringn((const char *)w.data, w.size);
}

static json_t *list_json(const struct string_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->count; i++)
		if (json_array_append_new(array, json_string(list->items[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *entries_json(const struct manifest_diff *diff)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < diff->count; i++) {
		const struct diff_entry *e = &diff->entries[i];
		json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s}", "section", e->section, "name", e->name,
					  "kind", diff_kind_name(e->kind), "severity",
					  diff_severity_name(e->severity), "text", e->text);
		if (json_array_append_new(array, entry) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

error *diff_json(const struct manifest_diff *diff, json_t **ret)
{
	static const char *const updates[] = { "none", "packages", "manifest" };
	json_t *json = json_pack("{s:s, s:o, s:o, s:I, s:o, s:o, s:b, s:o}", "update", updates[diff->update],
				 "fromFingerprint", hex_json(BYTES_OF_ARRAY(diff->from)),
				 "toFingerprint", hex_json(BYTES_OF_ARRAY(diff->to)),
				 "neededAcknowledgments", (json_int_t)diff->acknowledgments,
				 "users", list_json(&diff->users),
				 "keptSecrets", list_json(&diff->kept_secrets),
				 "runningKnown", diff->has_running, "entries", entries_json(diff));
	if (!json)
		return error_new(ERROR_INTERNAL, "the differences can't be written as JSON");
	*ret = json;
	return NULL;
}
