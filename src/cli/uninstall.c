#include <stdio.h>

#include "base/clock.h"
#include "cli/cluster.h"
#include "cli/mesh_objects.h"
#include "cli/output.h"

enum { WAIT_S = 300 };

/* What is there. */
struct removal {
	struct cluster cluster;
	char webhook[128];
	struct kube_name names[MESH_NAMES_MAX];
	char *uids[MESH_NAMES_MAX];
	size_t count;
};

static void removal_free(struct removal *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->uids[i]);
	cluster_close(&r->cluster);
}
DEFINE_CLEANUP_IN_PLACE(removal_free, struct removal)

static const char *member(const json_t *object, const char *map, const char *name)
{
	return json_string_value(json_object_get(json_object_get(json_object_get(object, "metadata"), map), name));
}

/* Other people's things may have the same name. The certificates' secret had no labels in earlier versions. */
static error *check_ours(const struct kube_name *name, const char *namespace, const json_t *object)
{
	const char *release = member(object, "annotations", "meta.helm.sh/release-name");
	const char *part_of = member(object, "labels", "app.kubernetes.io/part-of");
	if (release)
		return error_new(ERROR_CONFLICT, "%s was installed by Helm: 'helm uninstall %.80s --namespace %s' "
				 "removes it", kube_describe(name).text, release, namespace);
	if (strcmp(name->kind, "Secret") == 0 || (part_of && strcmp(part_of, "marblerun") == 0))
		return NULL;
	return error_new(ERROR_CONFLICT, "%s is no part of Marblerun (its label app.kubernetes.io/part-of says "
			 "otherwise): nothing was removed", kube_describe(name).text);
}

static error *look_for(struct removal *r, const struct kube_name *name)
{
	CLEANUP_JSON json_t *object = NULL;
	error *e = kube_get(r->cluster.client, name, &object);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	TRY(check_ours(name, r->cluster.namespace, object));
	const char *uid = kube_metadata(object, "uid");
	char *copy = uid ? strdup(uid) : NULL;
	if (uid)
		TRY_ALLOC(copy);
	r->names[r->count] = *name;
	r->uids[r->count++] = copy;
	return NULL;
}

static error *look(struct removal *r, bool with_state)
{
	struct kube_name all[MESH_NAMES_MAX];
	size_t count = mesh_names(r->cluster.namespace, r->webhook, all);
	for (size_t i = 0; i < count; i++)
		TRY(look_for(r, &all[i]));
	if (with_state)
		TRY(look_for(r, &(struct kube_name){ "v1", "PersistentVolumeClaim", r->cluster.namespace,
						     mesh_volume }));
	return NULL;
}

static error *wait_until_gone(struct removal *r, size_t i, int64_t end_ms)
{
	unsigned pause_ms = 0;
	for (;;) {
		error *e = kube_get(r->cluster.client, &r->names[i], NULL);
		if (e && error_code(e) == ERROR_NOT_FOUND) {
			error_free(e);
			return NULL;
		}
		TRY(e);
		if (clock_monotonic_ms() >= end_ms)
			return error_new(ERROR_UNAVAILABLE, "%s is still there", kube_describe(&r->names[i]).text);
		TRY(cluster_pause(&r->cluster, end_ms, &pause_ms));
	}
}

static error *delete_all(const struct flag_values *f, struct removal *r)
{
	bool wait = flag_given(f, FLAG_WAIT);
	unsigned seconds = flag_given(f, FLAG_TIMEOUT) ? f->numbers[FLAG_TIMEOUT] : WAIT_S;
	int64_t end_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
	for (size_t i = 0; i < r->count; i++)
		TRY_CTX(kube_delete(r->cluster.client, &r->names[i], r->uids[i], wait, NULL), "%s",
			kube_describe(&r->names[i]).text);
	for (size_t i = 0; wait && i < r->count; i++)
		TRY(wait_until_gone(r, i, end_ms));
	return NULL;
}

static error *report_json(const struct removal *r)
{
	CLEANUP_JSON json_t *names = json_array();
	for (size_t i = 0; names && i < r->count; i++)
		if (json_array_append_new(names, json_string(kube_describe(&r->names[i]).text)) != 0)
			return error_no_memory();
	CLEANUP_JSON json_t *out = json_pack("{s:s, s:O}", "namespace", r->cluster.namespace, "deleted", names);
	TRY_ALLOC(out);
	return print_json(out);
}

static error *report(const struct flag_values *f, const struct removal *r)
{
	const char *namespace = r->cluster.namespace;
	if (flags_want_json(f))
		return report_json(r);
	if (!r->count) {
		printf("Marblerun is not installed in namespace %s.\n", namespace);
		return NULL;
	}
	printf("Marblerun is removed from namespace %s.\n", namespace);
	if (!flag_given(f, FLAG_DELETE_STATE))
		printf("The coordinator's sealed state is kept in PersistentVolumeClaim %s/%s (--delete-state).\n",
		       namespace, mesh_volume);
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(removal_free) struct removal r = { 0 };
	TRY(cluster_open(call, &r.cluster));
	cluster_heed_signals(&r.cluster);
	TRY(look(&r, flag_given(&call->flags, FLAG_DELETE_STATE)));
	TRY(delete_all(&call->flags, &r));
	return report(&call->flags, &r);
}

const struct command uninstall_command = {
	.name = "uninstall",
	.arguments = "",
	.summary = "Remove Marblerun from a Kubernetes cluster",
	.text = "Deletes what 'install' made, the webhook first. Keeps the namespace, and the volume with the\n"
		"coordinator's sealed state: a new installation goes on with it.\n",
	.examples = "  marblerun uninstall --wait\n"
		    "  marblerun uninstall --delete-state\n",
	.own = { FLAG_NAMESPACE, FLAG_DELETE_STATE, FLAG_WAIT, FLAG_TIMEOUT, FLAG_OUTPUT_FORMAT, FLAG_KUBECONFIG,
		 FLAG_CONTEXT, FLAG_REQUEST_TIMEOUT },
	.local = true,
	.check = cluster_check,
	.run = run,
};
