#include "documents.h"

static const char *folder;

void documents_at(const char *path)
{
	folder = path;
}

json_t *document(const char *name)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	char path[4096];
	json_t *json;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_null(file_read(path, 1 << 20, &text));
	assert_null(json_parse(blob_view(&text), name, &json));
	return json;
}

void merge_patch(json_t *target, json_t *patch)
{
	const char *name;
	json_t *value;
	json_object_foreach(patch, name, value) {
		json_t *old = json_object_get(target, name);
		if (json_is_null(value))
			json_object_del(target, name);
		else if (json_is_object(value) && json_is_object(old))
			merge_patch(old, value);
		else
			assert_int_equal(json_object_set_new(target, name, json_deep_copy(value)), 0);
	}
}

struct manifest *try_manifest(json_t *json)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	struct manifest *m = NULL;
	assert_null(json_print(json, JSON_COMPACT, &text));
	error_free(manifest_parse(blob_view(&text), &m));
	return m;
}

struct manifest *manifest_of(json_t *json)
{
	struct manifest *m = try_manifest(json);
	assert_non_null(m);
	return m;
}
