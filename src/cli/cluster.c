#include "cli/cluster.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/output.h"

enum { REQUEST_TIMEOUT_S = 30, POLL_FIRST_MS = 100, POLL_MS = 1000 };

static volatile sig_atomic_t interrupted;

void cluster_close(struct cluster *cluster)
{
	kube_client_free(cluster->client);
	cluster->client = NULL;
	kube_config_free(&cluster->config);
}

const char *cluster_namespace(const struct flag_values *flags)
{
	return flag_given(flags, FLAG_NAMESPACE) ? flags->values[FLAG_NAMESPACE] : "marblerun";
}

error *cluster_check(const struct flag_values *flags)
{
	return kube_label_check(cluster_namespace(flags), "--namespace");
}

static struct kube_source source_of(const struct flag_values *flags)
{
	return (struct kube_source){
		.path = flags->values[FLAG_KUBECONFIG],
		.context = flags->values[FLAG_CONTEXT],
		.variable = getenv("KUBECONFIG"),
		.home = getenv("HOME"),
		.host = getenv("KUBERNETES_SERVICE_HOST"),
		.port = getenv("KUBERNETES_SERVICE_PORT"),
		.account_folder = "/var/run/secrets/kubernetes.io/serviceaccount",
	};
}

error *cluster_open(const struct invocation *call, struct cluster *cluster)
{
	const struct flag_values *flags = &call->flags;
	struct kube_source source = source_of(flags);
	unsigned seconds = flag_given(flags, FLAG_REQUEST_TIMEOUT) ? flags->numbers[FLAG_REQUEST_TIMEOUT]
								   : REQUEST_TIMEOUT_S;
	cluster->namespace = cluster_namespace(flags);
	TRY(kube_config_load(&source, &cluster->config));
	if (cluster->config.insecure)
		say_warning("insecure-skip-tls-verify: the API server is NOT verified; whoever answers is believed");
	return kube_client_new(&cluster->config, seconds, &cluster->client);
}

static void note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void cluster_heed_signals(struct cluster *cluster)
{
	struct sigaction once = { .sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND };
	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
	kube_client_stop_on(cluster->client, &interrupted);
}

static json_int_t number_of(const json_t *object, const char *name, json_int_t otherwise)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static const json_t *condition(const json_t *status, const char *type)
{
	const json_t *conditions = json_object_get(status, "conditions");
	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *one = json_array_get(conditions, i);
		const char *is = json_string_value(json_object_get(one, "type"));
		if (is && strcmp(is, type) == 0)
			return one;
	}
	return NULL;
}

/* https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment */
static error *check_failed(const json_t *status, const char *deployment)
{
	const json_t *progressing = condition(status, "Progressing");
	const char *is = json_string_value(json_object_get(progressing, "status"));
	const char *words = json_string_value(json_object_get(progressing, "message"));
	if (!is || strcmp(is, "False") != 0)
		return NULL;
	return error_new(ERROR_DENIED, "%s does not come up: %.500s", deployment, words ? words : "no reason given");
}

error *cluster_rollout(struct cluster *cluster, const char *deployment, struct rollout *ret)
{
	CLEANUP_JSON json_t *object = NULL;
	const struct kube_name name = { "apps/v1", "Deployment", cluster->namespace, deployment };
	TRY(kube_get(cluster->client, &name, &object));
	const json_t *status = json_object_get(object, "status");
	json_int_t generation = number_of(json_object_get(object, "metadata"), "generation", 0);
	bool observed = number_of(status, "observedGeneration", 0) >= generation; /* else it tells of another one */
	struct rollout r = {
		.ready = observed ? number_of(status, "availableReplicas", 0) : 0,
		.wanted = number_of(json_object_get(object, "spec"), "replicas", 1),
	};
	if (observed)
		TRY(check_failed(status, deployment));
	r.done = observed && r.ready >= r.wanted && number_of(status, "updatedReplicas", 0) >= r.wanted &&
		 number_of(status, "replicas", 0) == r.wanted;
	*ret = r;
	return NULL;
}

error *cluster_pause(struct cluster *cluster, int64_t end_ms, unsigned *pause_ms)
{
	int64_t left = end_ms - clock_monotonic_ms();
	unsigned pause = *pause_ms ? *pause_ms : POLL_FIRST_MS;
	*pause_ms = pause * 2 < POLL_MS ? pause * 2 : POLL_MS;
	return kube_pause(cluster->client, left < pause ? (unsigned)(left > 0 ? left : 0) : pause);
}

error *cluster_wait(struct cluster *cluster, const char *deployment, int64_t end_ms, struct rollout *ret)
{
	json_int_t shown = -1;
	unsigned pause_ms = 0;
	for (;;) {
		struct rollout now;
		TRY(cluster_rollout(cluster, deployment, &now));
		if (now.ready != shown || now.done)
			say_note("%s pods ready: %lld/%lld", deployment, (long long)now.ready,
				 (long long)now.wanted);
		shown = now.ready;
		*ret = now;
		if (now.done)
			return NULL;
		if (clock_monotonic_ms() >= end_ms)
			return error_new(ERROR_UNAVAILABLE, "%s is not ready in time: %lld of %lld pods are",
					 deployment, (long long)now.ready, (long long)now.wanted);
		TRY(cluster_pause(cluster, end_ms, &pause_ms));
	}
}
