/* From kubeconfig files to one cluster and one user. */
#include <stdio.h>

#include "base/file.h"
#include "codec/base64.h"
#include "kubernetes/config.h"
#include "kubernetes/exec.h"
#include "kubernetes/fields.h"

enum { DATA_MAX = 1 << 20, TOKEN_MAX = 64 << 10, WHERE_SIZE = 300 };

/* An entry of one of the lists, and the file that it stands in. */
struct entry {
	const json_t *content; /* may be NULL: it says nothing */
	const char *path;
	char where[WHERE_SIZE];
};

static const json_t *named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
			return item;
	}
	return NULL;
}

static error *find(const struct kubeconfig *k, const char *list, const char *kind, const char *name,
		   struct entry *ret)
{
	for (size_t i = 0; i < k->count; i++) {
		const struct kubeconfig_file *file = &k->files[i];
		const json_t *item = named(json_object_get(file->document, list), name);
		if (!item)
			continue;
		ret->content = json_object_get(item, kind);
		ret->path = file->path;
		snprintf(ret->where, sizeof ret->where, "%.160s: %s \"%.60s\"", file->path ? file->path : "kubeconfig",
			 kind, name);
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "the kubeconfig has no %s \"%.60s\"", kind, name);
}

/* Paths are relative to the folder of the file that they stand in. */
static error *resolve(const struct entry *entry, const char *path, char **ret)
{
	const char *slash = entry->path ? strrchr(entry->path, '/') : NULL;
	char *full = NULL;
	if (*path == '/' || !slash)
		full = strdup(path);
	else if (asprintf(&full, "%.*s/%s", (int)(slash - entry->path), entry->path, path) < 0)
		full = NULL;
	TRY_ALLOC(full);
	*ret = full;
	return NULL;
}

/* "NAME-data" in base64, or the file that "NAME" names; empty when neither is there. */
static error *data_of(const struct entry *entry, const char *name, struct secret *ret)
{
	char inline_name[64], what[WHERE_SIZE + 80];
	const char *data, *path;
	CLEANUP_FREE char *full = NULL;
	snprintf(inline_name, sizeof inline_name, "%s-data", name);
	TRY(field_text(entry->content, entry->where, inline_name, &data));
	TRY(field_text(entry->content, entry->where, name, &path));
	snprintf(what, sizeof what, "%s: \"%s\"", entry->where, inline_name);
	if (data && *data)
		return base64_decode_secret(bytes_of_string(data), what, ret);
	if (!path || !*path)
		return NULL;
	TRY(resolve(entry, path, &full));
	TRY_CTX(file_read_secret(full, DATA_MAX, ret), "%s: \"%s\"", entry->where, name);
	return NULL;
}

error *kube_server_check(const char *server, const char *what)
{
	enum { SERVER_MAX = 1024 };
	bool tls = strncmp(server, "https://", 8) == 0, plain = strncmp(server, "http://", 7) == 0;
	const char *host = server + (tls ? 8 : 7);
	if (!tls && !plain)
		return error_new(ERROR_INVALID, "%s: \"server\" has to begin with https://", what);
	if (strlen(server) > SERVER_MAX)
		return error_new(ERROR_TOO_LARGE, "%s: \"server\" is longer than %d characters", what, SERVER_MAX);
	for (const char *c = host; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("@?#\\\"<>", *c))
			return error_new(ERROR_INVALID, "%s: \"server\" may have a host, a port and a path: "
					 "character %zu does not belong there", what, (size_t)(c - server) + 1);
	if (!*host || *host == '/' || *host == ':')
		return error_new(ERROR_INVALID, "%s: \"server\" has no host", what);
	return NULL;
}

static error *take_text(const char *text, char **ret)
{
	char *copy = strdup(text);
	TRY_ALLOC(copy);
	*ret = copy;
	return NULL;
}

static error *check_cluster(const struct entry *cluster)
{
	static const char *const known[] = { "server", "tls-server-name", "insecure-skip-tls-verify",
		"certificate-authority", "certificate-authority-data", "proxy-url", "disable-compression",
		"extensions", NULL };
	const char *proxy;
	TRY(fields_known(cluster->content, cluster->where, known));
	TRY(field_text(cluster->content, cluster->where, "proxy-url", &proxy));
	if (proxy && *proxy)
		return error_new(ERROR_UNSUPPORTED, "%s: \"proxy-url\": proxies are not supported here; HTTPS_PROXY "
				 "of the environment is", cluster->where);
	return NULL;
}

static error *read_cluster(const struct entry *cluster, struct kube_config *to)
{
	const char *server, *name;
	CLEANUP(secret_free) struct secret authorities = { 0 };
	TRY(check_cluster(cluster));
	TRY(field_text(cluster->content, cluster->where, "server", &server));
	TRY(field_text(cluster->content, cluster->where, "tls-server-name", &name));
	if (!server || !*server)
		return error_new(ERROR_INVALID, "%s has no \"server\"", cluster->where);
	TRY(kube_server_check(server, cluster->where));
	TRY(take_text(server, &to->server));
	for (size_t end = strlen(to->server); to->server[end - 1] == '/'; end--)
		to->server[end - 1] = 0;
	if (name && *name) {
		if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") != strlen(name))
			return error_new(ERROR_INVALID, "%s: \"tls-server-name\" is no host name", cluster->where);
		TRY(take_text(name, &to->server_name));
	}
	TRY(field_flag(cluster->content, cluster->where, "insecure-skip-tls-verify", &to->insecure));
	TRY(data_of(cluster, "certificate-authority", &authorities));
	if (to->insecure && authorities.size)
		return error_new(ERROR_INVALID, "%s: \"insecure-skip-tls-verify\" and a certificate authority: "
				 "one of them is meant", cluster->where);
	return blob_copy(secret_view(&authorities), &to->authorities);
}

/* Ways to log in that API servers no longer offer, or that this program does not know. */
static error *check_user(const struct entry *user)
{
	static const char *const known[] = { "client-certificate", "client-certificate-data", "client-key",
		"client-key-data", "token", "tokenFile", "exec", "extensions", NULL };
	static const char *const others[] = { "username", "password", "auth-provider", "as", "as-uid", "as-groups",
		"as-user-extra" };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (json_object_get(user->content, others[i]))
			return error_new(ERROR_UNSUPPORTED, "%s: \"%s\" is not supported: a client certificate, a "
					 "token or an exec plugin is", user->where, others[i]);
	return fields_known(user->content, user->where, known);
}

error *kube_token_check(bytes token, const char *what)
{
	for (size_t i = 0; i < token.size; i++)
		if (token.data[i] <= ' ' || token.data[i] >= 0x7f)
			return error_new(ERROR_INVALID, "%s: a token has no blanks and control characters, and this "
					 "one has at place %zu", what, i + 1);
	if (!token.size || token.size > TOKEN_MAX)
		return error_new(ERROR_INVALID, "%s: a token has 1 to %d characters, this one %zu", what, TOKEN_MAX,
				 token.size);
	return NULL;
}

static error *read_token(const struct entry *user, struct kube_config *to)
{
	const char *token, *file;
	char what[WHERE_SIZE + 16];
	TRY(field_text(user->content, user->where, "token", &token));
	TRY(field_text(user->content, user->where, "tokenFile", &file));
	if (file && *file)
		return resolve(user, file, &to->token_file); /* a file is fresher than a copy */
	if (!token || !*token)
		return NULL;
	snprintf(what, sizeof what, "%s: \"token\"", user->where);
	TRY(kube_token_check(bytes_of_string(token), what));
	return secret_copy(bytes_of_string(token), &to->token);
}

static error *read_exec(const struct entry *user, struct kube_config *to)
{
	json_t *exec;
	TRY(field_object(user->content, user->where, "exec", &exec));
	if (!exec)
		return NULL;
	TRY(kube_exec_check(exec, user->where));
	to->exec = json_incref(exec);
	return resolve(user, ".", &to->exec_folder);
}

static error *read_user(const struct entry *user, struct kube_config *to)
{
	TRY(check_user(user));
	TRY(data_of(user, "client-certificate", &to->certificate));
	TRY(data_of(user, "client-key", &to->key));
	if (!to->certificate.size != !to->key.size)
		return error_new(ERROR_INVALID, "%s has \"%s\", but not \"%s\"", user->where,
				 to->certificate.size ? "client-certificate" : "client-key",
				 to->certificate.size ? "client-key" : "client-certificate");
	TRY(read_token(user, to));
	TRY(read_exec(user, to));
	if (to->exec && (to->token.size || to->token_file || to->certificate.size))
		return error_new(ERROR_INVALID, "%s has \"exec\" and another way to log in: one of them is meant",
				 user->where);
	return NULL;
}

static error *current(const struct kubeconfig *k, const char **ret)
{
	for (size_t i = 0; i < k->count; i++) {
		const char *name = json_string_value(json_object_get(k->files[i].document, "current-context"));
		if (!name || !*name)
			continue;
		*ret = name;
		return NULL;
	}
	return error_new(ERROR_INVALID, "the kubeconfig has no \"current-context\": give --context NAME");
}

/* Over plain HTTP, everybody on the way would have them. */
static error *check_plain(const struct kube_config *c)
{
	bool credentials = c->token.size || c->token_file || c->certificate.size || c->exec;
	if (strncmp(c->server, "http://", 7) != 0 || !credentials)
		return NULL;
	return error_new(ERROR_INVALID, "%s: \"server\" begins with http://, which would send the credentials in "
			 "the clear; https:// is expected", c->origin);
}

error *kubeconfig_choose(const struct kubeconfig *k, const char *context, struct kube_config *ret)
{
	CLEANUP(kube_config_free) struct kube_config c = { 0 };
	struct entry chosen, cluster, user;
	const char *cluster_name, *user_name;
	if (!context)
		TRY(current(k, &context));
	TRY(find(k, "contexts", "context", context, &chosen));
	TRY(field_text(chosen.content, chosen.where, "cluster", &cluster_name));
	TRY(field_text(chosen.content, chosen.where, "user", &user_name));
	if (!cluster_name || !*cluster_name)
		return error_new(ERROR_INVALID, "%s has no \"cluster\"", chosen.where);
	TRY_CTX(find(k, "clusters", "cluster", cluster_name, &cluster), "%s", chosen.where);
	TRY(take_text(chosen.where, &c.origin));
	TRY(read_cluster(&cluster, &c));
	if (user_name && *user_name) {
		TRY_CTX(find(k, "users", "user", user_name, &user), "%s", chosen.where);
		TRY(read_user(&user, &c));
	}
	TRY(check_plain(&c));
	*ret = c;
	c = (struct kube_config){ 0 };
	return NULL;
}
