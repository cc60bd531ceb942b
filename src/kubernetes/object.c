#include "kubernetes/object.h"

#include <stdio.h>

#include "kubernetes/fields.h"

static const struct {
	const char *api_version, *kind, *plural;
	bool namespaced;
} kinds[] = {
	{ "v1", "Namespace", "namespaces", false },
	{ "v1", "ServiceAccount", "serviceaccounts", true },
	{ "v1", "ConfigMap", "configmaps", true },
	{ "v1", "Secret", "secrets", true },
	{ "v1", "Service", "services", true },
	{ "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true },
	{ "apps/v1", "Deployment", "deployments", true },
	{ "policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true },
	{ "networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true },
	{ "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false },
};

const char *kube_metadata(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(json_object_get(object, "metadata"), name));
}

error *kube_name_of(const json_t *object, struct kube_name *ret)
{
	struct kube_name n = {
		.api_version = json_string_value(json_object_get(object, "apiVersion")),
		.kind = json_string_value(json_object_get(object, "kind")),
		.namespace = kube_metadata(object, "namespace"),
		.name = kube_metadata(object, "name"),
	};
	if (!n.api_version || !n.kind || !n.name)
		return error_new(ERROR_INVALID, "an object needs \"apiVersion\", \"kind\" and \"metadata.name\"");
	*ret = n;
	return NULL;
}

struct kube_label kube_describe(const struct kube_name *n)
{
	struct kube_label label;
	snprintf(label.text, sizeof label.text, "%s %s%s%s", n->kind, n->namespace ? n->namespace : "",
		 n->namespace ? "/" : "", n->name);
	return label;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(const char *text, size_t size)
{
	enum { LABEL_MAX = 63 };
	if (!size || size > LABEL_MAX || !is_alphanumeric(text[0]) || !is_alphanumeric(text[size - 1]))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_alphanumeric(text[i]) && text[i] != '-')
			return false;
	return true;
}

error *kube_label_check(const char *text, const char *what)
{
	if (is_label(text, strlen(text)))
		return NULL;
	return error_new(ERROR_INVALID, "%s is \"%.80s\": 1 to 63 of a-z, 0-9 and '-' are expected, beginning and "
			 "ending with a letter or a digit", what, text);
}

/* Names become a part of paths. */
static bool is_name(const char *text)
{
	enum { NAME_MAX_SIZE = 253 };
	size_t size = strlen(text);
	if (!size || size > NAME_MAX_SIZE || !is_alphanumeric(text[0]) || !is_alphanumeric(text[size - 1]))
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == size && !strstr(text, "..");
}

static char *format_path(size_t kind, const struct kube_name *n)
{
	char *path;
	const char *root = strchr(n->api_version, '/') ? "apis" : "api";
	int size = kinds[kind].namespaced
			   ? asprintf(&path, "/%s/%s/namespaces/%s/%s/%s", root, n->api_version, n->namespace,
				      kinds[kind].plural, n->name)
			   : asprintf(&path, "/%s/%s/%s/%s", root, n->api_version, kinds[kind].plural, n->name);
	return size < 0 ? NULL : path;
}

error *kube_path(const struct kube_name *n, char **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].kind, n->kind) != 0 || strcmp(kinds[i].api_version, n->api_version) != 0)
			continue;
		bool placed = kinds[i].namespaced ? n->namespace && is_name(n->namespace) : !n->namespace;
		if (!placed || !is_name(n->name))
			break;
		char *path = format_path(i, n);
		TRY_ALLOC(path);
		*ret = path;
		return NULL;
	}
	return error_new(ERROR_INVALID, "%s: no object of a kind, name and namespace that this program uses",
			 kube_describe(n).text);
}

error *kube_get(struct kube_client *client, const struct kube_name *name, json_t **ret)
{
	CLEANUP_FREE char *path = NULL;
	TRY(kube_path(name, &path));
	return kube_send(client, &(struct kube_request){ .method = "GET", .path = path }, ret, NULL);
}

/* https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
error *kube_apply(struct kube_client *client, const json_t *object, json_t **ret,
		  struct kube_outcome *how)
{
	CLEANUP_FREE char *path = NULL, *query = NULL;
	struct kube_name name;
	TRY(kube_name_of(object, &name));
	TRY(kube_path(&name, &path));
	if (asprintf(&query, "%s?fieldManager=marblerun&fieldValidation=Strict", path) < 0) {
		query = NULL;
		return error_no_memory();
	}
	return kube_send(client, &(struct kube_request){ .method = "PATCH", .path = query, .body = object,
							 .content_type = "application/apply-patch+yaml" }, ret, how);
}

error *kube_delete(struct kube_client *client, const struct kube_name *name, const char *uid, bool foreground,
		   bool *ret_was_there)
{
	CLEANUP_FREE char *path = NULL;
	TRY(kube_path(name, &path));
	CLEANUP_JSON json_t *how = json_pack("{s:s, s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions",
					     "propagationPolicy", foreground ? "Foreground" : "Background");
	TRY_ALLOC(how);
	if (uid && json_object_set_new(how, "preconditions", json_pack("{s:s}", "uid", uid)) != 0)
		return error_no_memory();
	error *e = kube_send(client, &(struct kube_request){ .method = "DELETE", .path = path, .body = how,
							     .content_type = "application/json" }, NULL, NULL);
	bool missing = e && error_code(e) == ERROR_NOT_FOUND;
	if (ret_was_there)
		*ret_was_there = !e;
	if (!missing)
		return e;
	error_free(e);
	return NULL;
}

/* What a server calls the rest of a list may hold anything. */
static void write_escaped(struct writer *w, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = is_alphanumeric(*text) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
		write_format(w, plain ? "%c" : "%%%02X", c);
	}
}

static error *page(struct kube_client *client, const char *path, const char *after, json_t **ret)
{
	enum { PAGE_ITEMS = 500 };
	CLEANUP(writer_free) struct writer w = { 0 };
	write_format(&w, "%s?limit=%d", path, PAGE_ITEMS);
	if (after) {
		write_string(&w, "&continue=");
		write_escaped(&w, after);
	}
	CLEANUP_FREE char *query = writer_take_string(&w);
	TRY_ALLOC(query);
	return kube_send(client, &(struct kube_request){ .method = "GET", .path = query }, ret, NULL);
}

static error *list_once(struct kube_client *client, const char *path, json_t **ret)
{
	enum { PAGES_MAX = 200 };
	CLEANUP_JSON json_t *all = json_array();
	CLEANUP_FREE char *after = NULL;
	TRY_ALLOC(all);
	for (int i = 0; i < PAGES_MAX; i++) {
		CLEANUP_JSON json_t *answer = NULL;
		json_t *items;
		TRY(page(client, path, after, &answer));
		TRY(field_array(answer, path, "items", &items));
		if (items && json_array_extend(all, items) != 0)
			return error_no_memory();
		const char *next = kube_metadata(answer, "continue");
		free(after);
		after = next && *next ? strdup(next) : NULL;
		if (!after) {
			*ret = TAKE(all);
			return NULL;
		}
	}
	return error_new(ERROR_TOO_LARGE, "%s: more than %d pages", path, PAGES_MAX);
}

error *kube_list(struct kube_client *client, const char *path, json_t **ret)
{
	error *e = list_once(client, path, ret);
	if (!e || error_code(e) != ERROR_WRONG_STATE)
		return e;
	/* 410: the rest of the list is too old; the whole is read anew, once. */
	error_free(e);
	return list_once(client, path, ret);
}
