#include "kubernetes/config.h"

#include <stdio.h>

#include "base/file.h"

void kube_config_free(struct kube_config *c)
{
	free(c->origin);
	free(c->server);
	free(c->server_name);
	blob_free(&c->authorities);
	secret_free(&c->certificate);
	secret_free(&c->key);
	secret_free(&c->token);
	free(c->token_file);
	json_decref(c->exec);
	free(c->exec_folder);
	*c = (struct kube_config){ 0 };
}

static error *add_file(struct kubeconfig *k, const char *path)
{
	CLEANUP(secret_free) struct secret text = { 0 };
	TRY(file_read_secret(path, KUBECONFIG_SIZE_MAX, &text));
	return kubeconfig_add(k, secret_view(&text), path);
}

/* Files of the list that are not there are no mistake. */
static error *add_optional(struct kubeconfig *k, const char *path)
{
	error *e = add_file(k, path);
	if (!e || error_code(e) != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return NULL;
}

static error *add_list(struct kubeconfig *k, const char *list)
{
	while (*list) {
		size_t size = strcspn(list, ":");
		CLEANUP_FREE char *path = strndup(list, size);
		TRY_ALLOC(path);
		if (size)
			TRY(add_optional(k, path));
		list += size + (list[size] == ':');
	}
	return NULL;
}

static error *add_home(struct kubeconfig *k, const char *home)
{
	CLEANUP_FREE char *path = NULL;
	if (asprintf(&path, "%s/.kube/config", home) < 0) {
		path = NULL;
		return error_no_memory();
	}
	return add_optional(k, path);
}

static error *read_files(const struct kube_source *source, struct kubeconfig *k)
{
	if (source->path)
		TRY_CTX(add_file(k, source->path), "--kubeconfig");
	else if (source->variable && *source->variable)
		TRY_CTX(add_list(k, source->variable), "KUBECONFIG");
	else if (source->home && *source->home)
		TRY(add_home(k, source->home));
	return NULL;
}

/* https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
static error *of_pod(const struct kube_source *source, struct kube_config *ret)
{
	CLEANUP(kube_config_free) struct kube_config c = { 0 };
	CLEANUP_FREE char *authorities = NULL;
	const char *port = source->port && *source->port ? source->port : "443";
	bool v6 = strchr(source->host, ':') != NULL;
	if (asprintf(&c.server, "https://%s%s%s:%s", v6 ? "[" : "", source->host, v6 ? "]" : "", port) < 0) {
		c.server = NULL;
		return error_no_memory();
	}
	c.origin = strdup("the pod's service account");
	TRY_ALLOC(c.origin);
	TRY(kube_server_check(c.server, "KUBERNETES_SERVICE_HOST"));
	if (asprintf(&authorities, "%s/ca.crt", source->account_folder) < 0) {
		authorities = NULL;
		return error_no_memory();
	}
	TRY_CTX(file_read(authorities, KUBECONFIG_SIZE_MAX, &c.authorities), "%s", c.origin);
	if (asprintf(&c.token_file, "%s/token", source->account_folder) < 0) {
		c.token_file = NULL;
		return error_no_memory();
	}
	*ret = c;
	c = (struct kube_config){ 0 };
	return NULL;
}

error *kube_config_load(const struct kube_source *source, struct kube_config *ret)
{
	CLEANUP(kubeconfig_free) struct kubeconfig k = { 0 };
	TRY(read_files(source, &k));
	if (k.count)
		return kubeconfig_choose(&k, source->context, ret);
	if (source->host && *source->host && !source->context)
		return of_pod(source, ret);
	if (source->variable && *source->variable)
		return error_new(ERROR_NOT_FOUND, "no kubeconfig says which cluster: KUBECONFIG is \"%.300s\", and no "
				 "such file is there; give --kubeconfig FILE, or set it anew", source->variable);
	return error_new(ERROR_NOT_FOUND, "no kubeconfig says which cluster: give --kubeconfig FILE, set KUBECONFIG, "
			 "or have ~/.kube/config");
}
