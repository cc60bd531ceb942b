/* Requests to an API server. */
#pragma once
#include <signal.h>

#include "kubernetes/config.h"

struct kube_client;
/* `config` is borrowed as long as the client lives. `timeout_s`: for each request, and for a plugin. Reads keys and
 * certificates, runs no plugin yet. */
error *kube_client_new(const struct kube_config *config, unsigned timeout_s, struct kube_client **ret) MUST_USE;
void kube_client_free(struct kube_client *client);
DEFINE_CLEANUP(kube_client_free, struct kube_client *)
/* Once *flag is set, requests and pauses fail with ERROR_WRONG_STATE. NULL: never. */
void kube_client_stop_on(struct kube_client *client, const volatile sig_atomic_t *flag);

struct kube_outcome {
	bool created;  /* 201 */
	bool repeated; /* an attempt before may have been done, its answer lost */
};
struct kube_request {
	const char *method, *path; /* "/api/v1/nodes?limit=500" */
	const char *content_type;  /* NULL: no body */
	const json_t *body;
};
/* Asks again, a bounded number of times, when nobody answers or the server is busy. What the server refuses becomes
 * an error with its words: ERROR_NOT_FOUND, ERROR_CONFLICT, ERROR_DENIED, …; ERROR_WRONG_STATE for 410 (a list that
 * went on for too long). *ret: the answer, a JSON object; *how: untouched on failure. Both may be NULL. */
error *kube_send(struct kube_client *client, const struct kube_request *request, json_t **ret,
		 struct kube_outcome *how) MUST_USE;
/* Sleeps. */
error *kube_pause(struct kube_client *client, unsigned milliseconds) MUST_USE;
