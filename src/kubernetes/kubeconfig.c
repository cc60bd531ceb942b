/* kubeconfig: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
#include <stdio.h>

#include "kubernetes/config.h"
#include "kubernetes/fields.h"
#include "kubernetes/yaml_text.h"

/* What the three lists are called, and what each of their items holds. */
static const struct {
	const char *list, *item;
} parts[] = { { "clusters", "cluster" }, { "users", "user" }, { "contexts", "context" } };

static error *check_item(const json_t *list, size_t i, const char *what, size_t part)
{
	const json_t *item = json_array_get(list, i);
	char where[256];
	const char *name, *other;
	json_t *content;
	snprintf(where, sizeof where, "%s: item %zu of \"%s\"", what, i + 1, parts[part].list);
	if (!json_is_object(item))
		return error_new(ERROR_INVALID, "%s is of type %s; an object is expected", where,
				 json_type_name(item));
	TRY(field_text(item, where, "name", &name));
	if (!name || !*name)
		return error_new(ERROR_INVALID, "%s has no \"name\"", where);
	TRY(field_object(item, where, parts[part].item, &content));
	for (size_t before = 0; before < i; before++) {
		other = json_string_value(json_object_get(json_array_get(list, before), "name"));
		if (strcmp(other, name) == 0)
			return error_new(ERROR_INVALID, "%s has the name of item %zu", where, before + 1);
	}
	return NULL;
}

static error *check_shape(const json_t *document, const char *what)
{
	enum { ITEMS_MAX = 1000 };
	const char *version, *kind, *current;
	if (!json_is_object(document))
		return error_new(ERROR_INVALID, "%s: a kubeconfig is an object, not of type %s", what,
				 json_type_name(document));
	TRY(field_text(document, what, "apiVersion", &version));
	TRY(field_text(document, what, "kind", &kind));
	TRY(field_text(document, what, "current-context", &current));
	if (version && strcmp(version, "v1") != 0)
		return error_new(ERROR_INVALID, "%s: \"apiVersion\" is \"%.40s\"; v1 is expected", what, version);
	if (kind && strcmp(kind, "Config") != 0)
		return error_new(ERROR_INVALID, "%s: \"kind\" is \"%.40s\"; Config is expected", what, kind);
	for (size_t part = 0; part < ARRAY_SIZE(parts); part++) {
		json_t *list;
		TRY(field_array(document, what, parts[part].list, &list));
		if (json_array_size(list) > ITEMS_MAX)
			return error_new(ERROR_TOO_LARGE, "%s: more than %d \"%s\"", what, ITEMS_MAX,
					 parts[part].list);
		for (size_t i = 0; i < json_array_size(list); i++)
			TRY(check_item(list, i, what, part));
	}
	return NULL;
}

error *kubeconfig_parse(bytes text, const char *what, json_t **ret)
{
	CLEANUP_JSON json_t *document = NULL;
	if (text.size > KUBECONFIG_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "%s is larger than %d bytes", what, KUBECONFIG_SIZE_MAX);
	TRY(yaml_parse(text, what, &document));
	if (json_is_null(document)) { /* an empty file says nothing */
		*ret = TAKE(document);
		return NULL;
	}
	TRY(check_shape(document, what));
	*ret = TAKE(document);
	return NULL;
}

error *kubeconfig_add(struct kubeconfig *k, bytes text, const char *path)
{
	CLEANUP_JSON json_t *document = NULL;
	if (k->count == KUBECONFIG_FILES_MAX)
		return error_new(ERROR_TOO_LARGE, "more than %d kubeconfig files", KUBECONFIG_FILES_MAX);
	TRY(kubeconfig_parse(text, path ? path : "kubeconfig", &document));
	char *copy = path ? strdup(path) : NULL;
	if (path)
		TRY_ALLOC(copy);
	k->files[k->count++] = (struct kubeconfig_file){ TAKE(document), copy };
	return NULL;
}

void kubeconfig_free(struct kubeconfig *k)
{
	for (size_t i = 0; i < k->count; i++) {
		json_decref(k->files[i].document);
		free(k->files[i].path);
	}
	*k = (struct kubeconfig){ 0 };
}
