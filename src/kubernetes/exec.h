/* Plugins that log in: client.authentication.k8s.io, versions v1 and v1beta1. */
#pragma once
#include "kubernetes/config.h"

/* Is "exec" of a kubeconfig's user something that can be called? */
error *kube_exec_check(const json_t *exec, const char *where) MUST_USE;

/* What a plugin said: a token, or a certificate with its key, or both. */
struct kube_credential {
	struct secret token;            /* empty: none */
	struct secret certificate, key; /* PEM; empty: none */
	int64_t expires;                /* seconds since 1970; 0: never said */
};
void kube_credential_free(struct kube_credential *credential);
DEFINE_CLEANUP_IN_PLACE(kube_credential_free, struct kube_credential)

/* Calls config->exec, and ends it when it takes longer than `timeout_s` seconds. */
error *kube_exec_run(const struct kube_config *config, unsigned timeout_s, struct kube_credential *ret) MUST_USE;
/* What a plugin wrote, which must be an ExecCredential of that version. */
error *kube_credential_parse(bytes text, const char *version, const char *what,
			     struct kube_credential *ret) MUST_USE;
/* A token that a header can carry. */
error *kube_token_check(bytes token, const char *what) MUST_USE;
