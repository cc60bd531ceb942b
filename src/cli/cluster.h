/* The cluster that a command works on, and where in it. */
#pragma once
#include "cli/command.h"
#include "kubernetes/object.h"

struct cluster {
	struct kube_config config;
	struct kube_client *client;
	const char *namespace;
};
/* By --kubeconfig, --context, KUBECONFIG, ~/.kube/config or the pod's account. Asks nothing yet. It must not move. */
error *cluster_open(const struct invocation *call, struct cluster *cluster) MUST_USE;
void cluster_close(struct cluster *cluster);
DEFINE_CLEANUP_IN_PLACE(cluster_close, struct cluster)
/* --namespace, or "marblerun". */
const char *cluster_namespace(const struct flag_values *flags);
/* For a command's check: is --namespace one? */
error *cluster_check(const struct flag_values *flags) MUST_USE;

/* From here on, the first SIGINT or SIGTERM makes requests fail, so that what is half done can be undone; the second
 * one ends the program. */
void cluster_heed_signals(struct cluster *cluster);

/* Before the next look: short at first (*pause_ms 0), then longer, and not beyond `end_ms` of the monotonic clock. */
error *cluster_pause(struct cluster *cluster, int64_t end_ms, unsigned *pause_ms) MUST_USE;

/* How a deployment comes up. */
struct rollout {
	json_int_t ready, wanted;
	bool done;
};
/* ERROR_NOT_FOUND: it is not there. ERROR_DENIED: it will never come up; the message says why. */
error *cluster_rollout(struct cluster *cluster, const char *deployment, struct rollout *ret) MUST_USE;
/* Says on standard error how it goes. ERROR_UNAVAILABLE: not ready at `end_ms` of the monotonic clock. */
error *cluster_wait(struct cluster *cluster, const char *deployment, int64_t end_ms, struct rollout *ret) MUST_USE;
