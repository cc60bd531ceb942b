#include <time.h>

#include "base/clock.h"
#include "cli/cluster.h"
#include "cli/coordinator.h"
#include "cli/mesh_objects.h"
#include "cli/output.h"
#include "cli/statement.h"
#include "cli/status.h"

enum { TIMEOUT_S = 60, PAUSE_MS = 250, STATE_UNINITIALIZED = 0 };

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

/* Any answer at all; nothing of it is believed. */
static error *knock(const char *address, unsigned seconds)
{
	CLEANUP(http_client_free) struct http_client *client = NULL;
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	CLEANUP_FREE char *url = NULL;
	TRY(client_url(address, "/api/v2/status", &url));
	TRY(http_client_new(&(struct http_client_options){ .trust = HTTP_TRUST_NOBODY,
							   .timeout_s = seconds }, &client));
	return http_client_send(client, "GET", url, NULL, BYTES_EMPTY, &reply);
}

static error *wait_for_answer(const char *address, int64_t end_ms, unsigned timeout_s)
{
	for (;;) {
		int64_t left = end_ms - clock_monotonic_ms();
		error *e = knock(address, left > 1000 ? (unsigned)(left / 1000) : 1);
		if (!e || error_code(e) != ERROR_UNAVAILABLE)
			return e;
		left = end_ms - clock_monotonic_ms();
		if (left <= 0)
			return error_wrap(e, "no coordinator after %u seconds", timeout_s);
		error_free(e);
		pause_ms(left < PAUSE_MS ? (long)left : PAUSE_MS);
	}
}

static error *wait_for_state(struct coordinator *c, int64_t end_ms, unsigned timeout_s)
{
	for (;;) {
		CLEANUP(coordinator_status_free) struct coordinator_status status = { 0 };
		TRY(coordinator_status_fetch(c, &status));
		if (status.code != STATE_UNINITIALIZED) {
			printf("%lld: %s\n", (long long)status.code, status.message);
			return NULL;
		}
		if (clock_monotonic_ms() >= end_ms)
			return error_new(ERROR_UNAVAILABLE, "the coordinator still starts after %u seconds",
					 timeout_s);
		pause_ms(PAUSE_MS);
	}
}

static unsigned timeout_of(const struct flag_values *flags)
{
	return flag_given(flags, FLAG_TIMEOUT) ? flags->numbers[FLAG_TIMEOUT] : TIMEOUT_S;
}

static error *check_address(const struct invocation *call, int64_t end_ms)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	TRY(wait_for_answer(call->arguments[0], end_ms, timeout_of(&call->flags)));
	TRY(coordinator_open(call, call->arguments[0], &c));
	return wait_for_state(&c, end_ms, timeout_of(&call->flags));
}

/* Adds one to the list; the injector need not be there. */
static error *check_deployment(struct cluster *cluster, const char *name, bool required, int64_t end_ms, json_t *list)
{
	struct rollout now;
	error *e = cluster_wait(cluster, name, end_ms, &now);
	if (e && error_code(e) == ERROR_NOT_FOUND && !required) {
		error_free(e);
		say_note("%s is not installed in namespace %s", name, cluster->namespace);
		return NULL;
	}
	TRY(e);
	json_t *one = json_pack("{s:s, s:I, s:I}", "name", name, "ready", now.ready, "wanted", now.wanted);
	return json_array_append_new(list, one) == 0 ? NULL : error_no_memory();
}

static error *check_cluster(const struct invocation *call, int64_t end_ms)
{
	CLEANUP(cluster_close) struct cluster cluster = { 0 };
	CLEANUP_JSON json_t *list = json_array();
	TRY_ALLOC(list);
	TRY(cluster_open(call, &cluster));
	TRY(check_deployment(&cluster, INJECTOR_DEPLOYMENT, false, end_ms, list));
	TRY(check_deployment(&cluster, COORDINATOR_DEPLOYMENT, true, end_ms, list));
	if (flags_want_json(&call->flags)) {
		CLEANUP_JSON json_t *out = json_pack("{s:s, s:O}", "namespace", cluster.namespace, "deployments", list);
		TRY_ALLOC(out);
		return print_json(out);
	}
	printf("Marblerun is ready in namespace %s.\n", cluster.namespace);
	return NULL;
}

static error *run(const struct invocation *call)
{
	int64_t end_ms = clock_monotonic_ms() + (int64_t)timeout_of(&call->flags) * 1000;
	return call->count ? check_address(call, end_ms) : check_cluster(call, end_ms);
}

const struct command check_command = {
	.name = "check",
	.arguments = "[ADDRESS]",
	.most = 1,
	.summary = "Wait until Marblerun serves",
	.text = "With ADDRESS: waits for that coordinator, then connects to the one that was verified last,\n"
		"or verifies it when --era-config is given, and prints its state as 'status' does.\n"
		"Without: waits until all pods of the coordinator and of the injector are available in the\n"
		"Kubernetes cluster. That says nothing about who they are.\n",
	.examples = "  marblerun check --timeout 120\n"
		    "  marblerun check mesh.example:4433 --timeout 30\n",
	.own = { FLAG_TIMEOUT, FLAG_OUTPUT_FORMAT, FLAG_KUBECONFIG, FLAG_CONTEXT, FLAG_REQUEST_TIMEOUT },
	.check = cluster_check,
	.run = run,
};
