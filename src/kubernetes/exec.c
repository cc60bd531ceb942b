/* https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
#include "kubernetes/exec.h"

#include <stdio.h>

#include "base/writer.h"
#include "codec/base64.h"
#include "codec/timestamp.h"
#include "kubernetes/fields.h"
#include "kubernetes/plugin.h"

#define GROUP "client.authentication.k8s.io/"
enum { ARGUMENTS_MAX = 256, WHAT_SIZE = 400 };

static error *check_list(const json_t *exec, const char *where, const char *name)
{
	json_t *list;
	TRY(field_array(exec, where, name, &list));
	if (json_array_size(list) > ARGUMENTS_MAX)
		return error_new(ERROR_TOO_LARGE, "%s: more than %d \"%s\"", where, ARGUMENTS_MAX, name);
	return NULL;
}

static error *check_arguments(const json_t *exec, const char *where)
{
	TRY(check_list(exec, where, "args"));
	const json_t *list = json_object_get(exec, "args");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item))
			return error_new(ERROR_INVALID, "%s: item %zu of \"args\" is no string", where, i + 1);
	}
	return NULL;
}

static error *check_environment(const json_t *exec, const char *where)
{
	TRY(check_list(exec, where, "env"));
	const json_t *list = json_object_get(exec, "env");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *name = NULL, *value = NULL;
		if (!json_is_object(item))
			return error_new(ERROR_INVALID, "%s: item %zu of \"env\" is no object", where, i + 1);
		TRY(field_text(item, where, "name", &name));
		TRY(field_text(item, where, "value", &value));
		if (!name || !*name || strchr(name, '=') || !value)
			return error_new(ERROR_INVALID, "%s: item %zu of \"env\" needs \"name\" and \"value\"",
					 where, i + 1);
	}
	return NULL;
}

static bool is_version(const char *text, const char *version)
{
	return strncmp(text, GROUP, sizeof GROUP - 1) == 0 && strcmp(text + sizeof GROUP - 1, version) == 0;
}

static bool is_one_of(const char *text, const char *const *list)
{
	while (*list && strcmp(*list, text) != 0)
		list++;
	return *list != NULL;
}

/* "interactiveMode" is required in v1; v1beta1 has a default. */
static error *check_mode(const json_t *exec, const char *where, const char *version)
{
	static const char *const modes[] = { "Never", "IfAvailable", "Always", NULL };
	const char *mode;
	TRY(field_text(exec, where, "interactiveMode", &mode));
	if (!mode && is_version(version, "v1beta1"))
		return NULL;
	if (mode && is_one_of(mode, modes))
		return NULL;
	return error_new(ERROR_INVALID, "%s: \"interactiveMode\" of \"exec\": Never, IfAvailable or Always is expected",
			 where);
}

error *kube_exec_check(const json_t *exec, const char *where)
{
	static const char *const known[] = { "apiVersion", "command", "args", "env", "installHint",
		"provideClusterInfo", "interactiveMode", NULL };
	const char *version, *command, *hint;
	bool cluster;
	TRY(fields_known(exec, where, known));
	TRY(field_text(exec, where, "apiVersion", &version));
	TRY(field_text(exec, where, "command", &command));
	TRY(field_text(exec, where, "installHint", &hint));
	TRY(field_flag(exec, where, "provideClusterInfo", &cluster));
	if (!command || !*command)
		return error_new(ERROR_INVALID, "%s: \"exec\" has no \"command\"", where);
	if (!version || !(is_version(version, "v1") || is_version(version, "v1beta1")))
		return error_new(ERROR_INVALID, "%s: \"apiVersion\" of \"exec\": " GROUP "v1 or v1beta1 is expected",
				 where);
	TRY(check_mode(exec, where, version));
	TRY(check_arguments(exec, where));
	return check_environment(exec, where);
}

void kube_credential_free(struct kube_credential *c)
{
	secret_free(&c->token);
	secret_free(&c->certificate);
	secret_free(&c->key);
	*c = (struct kube_credential){ 0 };
}

static error *read_status(const json_t *status, const char *what, struct kube_credential *c)
{
	const char *token, *certificate, *key, *expires;
	TRY(field_text(status, what, "token", &token));
	TRY(field_text(status, what, "clientCertificateData", &certificate));
	TRY(field_text(status, what, "clientKeyData", &key));
	TRY(field_text(status, what, "expirationTimestamp", &expires));
	if (token && *token)
		TRY(kube_token_check(bytes_of_string(token), what));
	TRY(secret_copy(bytes_of_string(token), &c->token));
	TRY(secret_copy(bytes_of_string(certificate), &c->certificate));
	TRY(secret_copy(bytes_of_string(key), &c->key));
	if (expires)
		TRY(timestamp_parse(bytes_of_string(expires), what, &c->expires));
	if (!c->certificate.size != !c->key.size)
		return error_new(ERROR_INVALID, "%s: \"clientCertificateData\" and \"clientKeyData\" belong together",
				 what);
	if (!c->token.size && !c->certificate.size)
		return error_new(ERROR_INVALID, "%s: \"status\" has neither a token nor a certificate", what);
	return NULL;
}

error *kube_credential_parse(bytes text, const char *version, const char *what, struct kube_credential *ret)
{
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP(kube_credential_free) struct kube_credential c = { 0 };
	const char *kind, *is;
	json_t *status;
	TRY(json_parse(text, what, &answer));
	if (!json_is_object(answer))
		return error_new(ERROR_INVALID, "%s is no JSON object", what);
	TRY(field_text(answer, what, "kind", &kind));
	TRY(field_text(answer, what, "apiVersion", &is));
	TRY(field_object(answer, what, "status", &status));
	if (!kind || strcmp(kind, "ExecCredential") != 0)
		return error_new(ERROR_INVALID, "%s: \"kind\" is not ExecCredential", what);
	if (!is || strcmp(is, version) != 0)
		return error_new(ERROR_INVALID, "%s: \"apiVersion\" is not %s, as was asked for", what, version);
	if (!status)
		return error_new(ERROR_INVALID, "%s has no \"status\"", what);
	TRY(read_status(status, what, &c));
	*ret = c;
	c = (struct kube_credential){ 0 };
	return NULL;
}

/* spec.cluster of what the plugin is told, when it wants to know. */
static error *cluster_info(const struct kube_config *config, json_t **ret)
{
	CLEANUP(writer_free) struct writer authorities = { 0 };
	write_base64(&authorities, blob_view(&config->authorities));
	TRY(writer_check(&authorities, "certificate authorities"));
	CLEANUP_JSON json_t *cluster = json_pack("{s:s, s:s*, s:b}", "server", config->server, "tls-server-name",
						 config->server_name, "insecure-skip-tls-verify", config->insecure);
	TRY_ALLOC(cluster);
	if (authorities.size &&
	    json_object_set_new(cluster, "certificate-authority-data",
				json_stringn((const char *)authorities.data, authorities.size)) != 0)
		return error_no_memory();
	*ret = TAKE(cluster);
	return NULL;
}

static error *execution_info(const struct kube_config *config, bool interactive, struct plugin *plugin)
{
	CLEANUP_JSON json_t *cluster = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	if (json_is_true(json_object_get(config->exec, "provideClusterInfo")))
		TRY(cluster_info(config, &cluster));
	CLEANUP_JSON json_t *info = json_pack("{s:s, s:O, s:{s:b, s:O*}}", "kind", "ExecCredential", "apiVersion",
					      json_object_get(config->exec, "apiVersion"), "spec", "interactive",
					      interactive, "cluster", cluster);
	TRY_ALLOC(info);
	TRY(json_print(info, JSON_COMPACT, &text));
	return plugin_set(plugin, "KUBERNETES_EXEC_INFO", (const char *)text.data);
}

static error *choose_input(const struct kube_config *config, const char *what, bool *ret_interactive)
{
	const char *mode = json_string_value(json_object_get(config->exec, "interactiveMode"));
	bool terminal = plugin_has_terminal();
	if (mode && strcmp(mode, "Always") == 0 && !terminal)
		return error_new(ERROR_WRONG_STATE, "%s wants to ask (\"interactiveMode\" is Always), and there is no "
				 "terminal", what);
	*ret_interactive = terminal && !(mode && strcmp(mode, "Never") == 0);
	return NULL;
}

/* A command with a slash is relative to the kubeconfig; others are looked for in PATH. */
static error *fill(const struct kube_config *config, bool interactive, struct plugin *plugin)
{
	const char *command = json_string_value(json_object_get(config->exec, "command"));
	const json_t *arguments = json_object_get(config->exec, "args"),
		     *environment = json_object_get(config->exec, "env");
	CLEANUP_FREE char *path = NULL;
	bool relative = *command != '/' && strchr(command, '/');
	if (asprintf(&path, "%s%s%s", relative ? config->exec_folder : "", relative ? "/" : "", command) < 0) {
		path = NULL;
		return error_no_memory();
	}
	TRY(plugin_argument(plugin, path));
	for (size_t i = 0; i < json_array_size(arguments); i++)
		TRY(plugin_argument(plugin, json_string_value(json_array_get(arguments, i))));
	for (size_t i = 0; i < json_array_size(environment); i++) {
		const json_t *item = json_array_get(environment, i);
		TRY(plugin_set(plugin, json_string_value(json_object_get(item, "name")),
			       json_string_value(json_object_get(item, "value"))));
	}
	return execution_info(config, interactive, plugin);
}

static error *with_hint(const struct kube_config *config, error *e)
{
	const char *hint = json_string_value(json_object_get(config->exec, "installHint"));
	if (!e || error_code(e) != ERROR_NOT_FOUND || !hint || !*hint)
		return e;
	error *hinted = error_new(ERROR_NOT_FOUND, "%s\n%.1000s", error_message(e), hint);
	error_free(e);
	return hinted;
}

error *kube_exec_run(const struct kube_config *config, unsigned timeout_s, struct kube_credential *ret)
{
	CLEANUP(plugin_free) struct plugin plugin = { 0 };
	CLEANUP(secret_free) struct secret output = { 0 };
	char what[WHAT_SIZE];
	const char *version = json_string_value(json_object_get(config->exec, "apiVersion"));
	bool interactive = false;
	snprintf(what, sizeof what, "%.200s: the plugin \"%.100s\"", config->origin,
		 json_string_value(json_object_get(config->exec, "command")));
	TRY(choose_input(config, what, &interactive));
	TRY(fill(config, interactive, &plugin));
	TRY(with_hint(config, plugin_run(&plugin, what, interactive, timeout_s, &output)));
	return kube_credential_parse(secret_view(&output), version, what, ret);
}
