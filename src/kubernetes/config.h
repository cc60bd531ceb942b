/* Which API server, and as whom: from kubeconfig files, or from what a pod is given. */
#pragma once
#include "base/secret.h"
#include "codec/json.h"

struct kube_config {
	char *origin;                   /* "context \"name\" of /path": for messages */
	char *server;                   /* https://host[:port][/path], without a slash at the end */
	char *server_name;              /* what its certificate must say, and SNI; NULL: the server's own */
	struct blob authorities;        /* PEM; empty: the system's */
	bool insecure;                  /* the server's certificate is not verified */
	struct secret certificate, key; /* our own, PEM; empty: none */
	struct secret token;            /* empty: none */
	char *token_file;               /* read again for each request; NULL: none */
	json_t *exec;                   /* how the plugin is called (as kubeconfig has it, checked); NULL: none */
	char *exec_folder;              /* relative commands are relative to this */
};
void kube_config_free(struct kube_config *config);
DEFINE_CLEANUP_IN_PLACE(kube_config_free, struct kube_config)

struct kube_source {
	const char *path;           /* --kubeconfig; NULL: the variables say */
	const char *context;        /* --context; NULL: the current one */
	const char *variable;       /* KUBECONFIG: paths, separated by ':'; NULL or empty: HOME says */
	const char *home;           /* HOME; NULL: none */
	const char *host, *port;    /* KUBERNETES_SERVICE_HOST and _PORT, when there is no file; NULL: none */
	const char *account_folder; /* where a pod finds ca.crt and token */
};
/* Without path, variable and ~/.kube/config, the account of the pod. ERROR_NOT_FOUND: nothing says which
 * cluster; ERROR_INVALID: what says it is wrong. */
error *kube_config_load(const struct kube_source *source, struct kube_config *ret) MUST_USE;

enum { KUBECONFIG_SIZE_MAX = 1 << 20, KUBECONFIG_FILES_MAX = 16 };
struct kubeconfig_file {
	json_t *document;
	char *path;
};
struct kubeconfig {
	struct kubeconfig_file files[KUBECONFIG_FILES_MAX]; /* what comes first wins */
	size_t count;
};
void kubeconfig_free(struct kubeconfig *k);
DEFINE_CLEANUP_IN_PLACE(kubeconfig_free, struct kubeconfig)
/* The document of one file, of the shape that kubeconfig files have. */
error *kubeconfig_parse(bytes text, const char *what, json_t **ret) MUST_USE;
/* `path` may be NULL: then relative paths are not allowed. */
error *kubeconfig_add(struct kubeconfig *k, bytes text, const char *path) MUST_USE;
/* `context` NULL: the current one. Reads the files that it names. */
error *kubeconfig_choose(const struct kubeconfig *k, const char *context, struct kube_config *ret) MUST_USE;
/* https:// of a host, without user, query, fragment. */
error *kube_server_check(const char *server, const char *what) MUST_USE;
