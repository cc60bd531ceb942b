/* Objects of the API: where they are, and what can be done with them. */
#pragma once
#include "kubernetes/client.h"

/* Borrowed texts. */
struct kube_name {
	const char *api_version, *kind, *namespace, *name; /* namespace NULL: of the whole cluster */
};
/* Of a whole object. */
error *kube_name_of(const json_t *object, struct kube_name *ret) MUST_USE;
/* "/apis/apps/v1/namespaces/NAMESPACE/deployments/NAME". Refuses kinds that this program does not use, and names
 * that are none (RFC 1123, as Kubernetes reads it). */
error *kube_path(const struct kube_name *name, char **ret) MUST_USE;
/* A label: 1 to 63 of a-z, 0-9 and '-', which is neither first nor last. `what` names it in messages. */
error *kube_label_check(const char *text, const char *what) MUST_USE;

error *kube_get(struct kube_client *client, const struct kube_name *name, json_t **ret) MUST_USE;
/* Server-side apply. What others have set differently is a conflict, and stays. *ret: the object as it is now. */
error *kube_apply(struct kube_client *client, const json_t *object, json_t **ret,
		  struct kube_outcome *how) MUST_USE;
/* With all that it owns, which `foreground` waits for. `uid` NULL: whichever has the name. What is not there is no
 * failure. */
error *kube_delete(struct kube_client *client, const struct kube_name *name, const char *uid, bool foreground,
		   bool *ret_was_there) MUST_USE;
/* All items, page by page. `path` without query. *ret: an array. */
error *kube_list(struct kube_client *client, const char *path, json_t **ret) MUST_USE;

/* "metadata.uid" and the like, as one text; NULL when it is not there. Borrowed. */
const char *kube_metadata(const json_t *object, const char *name);
/* "Deployment marblerun/marblerun-coordinator": for messages. */
struct kube_label {
	char text[400];
};
struct kube_label kube_describe(const struct kube_name *name);
