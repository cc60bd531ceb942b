#include "injector/inject.h"

#include <ctype.h>
#include <stdio.h>

#include "injector/fields.h"
#include "injector/patch.h"

#define LABEL_TYPE "marblerun/marbletype"
#define LABEL_CONTAINER "marblerun/marblecontainer"
#define LABEL_RESOURCES "marblerun/resource-injection"
#define UUID_FILE "uuid-file"
#define TSM_PATH "/sys/kernel/config"

enum { LABEL_VALUE_MAX = 63, PATH_MAX_TEXT = 96 };

/* One pod under way. All texts are the pod's or the rules'. */
struct pod {
	const struct injection_rules *rules;
	const char *namespace;
	const json_t *object;
	json_t *spec, *volumes, *tolerations;
	const char *type, *only_container, *resources; /* its labels */
	bool sgx, tsm;
	char uuid_folder[LABEL_VALUE_MAX + 8]; /* "/TYPE-uid" */
	char uuid_volume[32], tsm_volume[32];  /* names */
	bool uuid_needed, tsm_needed;          /* some container mounts it */
	bool uuid_there, tsm_there;            /* the pod has such a volume */
	bool other_user;                       /* some container is not root's: its maker was warned */
	size_t injected;                       /* containers */
	struct patch patch;
	json_t *warnings;
};

static void pod_free(struct pod *pod)
{
	patch_free(&pod->patch);
}
DEFINE_CLEANUP_IN_PLACE(pod_free, struct pod)

/* One of its containers. */
struct container {
	json_t *object, *environment, *mounts, *resources;
	const char *name;
	char path[PATH_MAX_TEXT]; /* JSON pointer, */
	char where[PATH_MAX_TEXT]; /* and for people */
};

/* Kubernetes, "Labels and Selectors": at most 63 characters, letters or digits at both ends. */
static error *check_label(const char *name, const char *value)
{
	size_t size = strlen(value);
	bool good = size <= LABEL_VALUE_MAX;
	for (size_t i = 0; i < size; i++)
		good = good && (isalnum((unsigned char)value[i]) ||
				(i > 0 && i + 1 < size && strchr("-_.", value[i])));
	return good ? NULL : error_new(ERROR_INVALID, "metadata.labels[%s]: no valid value of a label: at most %d "
				       "letters, digits, '-', '_' and '.' are expected, the first and the last a "
				       "letter or a digit", name, LABEL_VALUE_MAX);
}

static error *read_label(json_t *labels, const char *name, const char **ret)
{
	TRY(field_text(labels, "metadata.labels", name, ret));
	return check_label(name, *ret);
}

static bool list_has(const char *list, const char *name)
{
	size_t size = strlen(name);
	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (size && strcspn(at, ",") == size && strncmp(at, name, size) == 0)
			return true;
	return false;
}

/* *ret_marble: does the pod want to be one? */
static error *read_labels(struct pod *pod, bool *ret_marble)
{
	json_t *metadata, *labels;
	TRY(field_get(pod->object, "", "metadata", JSON_OBJECT, &metadata));
	TRY(field_get(metadata, "metadata", "labels", JSON_OBJECT, &labels));
	*ret_marble = json_object_get(labels, LABEL_TYPE);
	TRY(read_label(labels, LABEL_TYPE, &pod->type));
	TRY(read_label(labels, LABEL_CONTAINER, &pod->only_container));
	TRY(read_label(labels, LABEL_RESOURCES, &pod->resources));
	if (*ret_marble && !*pod->type)
		return error_new(ERROR_INVALID, "metadata.labels[" LABEL_TYPE "]: empty; the name of a marble in the "
				 "manifest is expected");
	pod->sgx = strcmp(pod->resources, "disabled") != 0;
	snprintf(pod->uuid_folder, sizeof pod->uuid_folder, "/%s-uid", pod->type);
	return NULL;
}

static error *read_spec(struct pod *pod)
{
	const char *class;
	TRY(field_get(pod->object, "", "spec", JSON_OBJECT, &pod->spec));
	TRY(field_get(pod->spec, "spec", "volumes", JSON_ARRAY, &pod->volumes));
	TRY(field_get(pod->spec, "spec", "tolerations", JSON_ARRAY, &pod->tolerations));
	TRY(field_text(pod->spec, "spec", "runtimeClassName", &class));
	/* A guest has no SGX, and its nodes are chosen by its runtime class. */
	pod->tsm = pod->sgx && list_has(pod->rules->tsm_classes, class);
	pod->sgx = pod->sgx && !pod->tsm && *pod->rules->sgx_resource;
	return NULL;
}

static bool volume_has_uuid(const json_t *volume)
{
	json_t *items = json_object_get(json_object_get(volume, "downwardAPI"), "items"), *item;
	size_t i;
	json_array_foreach(items, i, item)
		if (strcmp(field_find(item, "path", NULL), UUID_FILE) == 0 &&
		    strcmp(field_find(item, "fieldRef", "fieldPath", NULL), "metadata.uid") == 0)
			return true;
	return false;
}

static bool volume_has_tsm(const json_t *volume)
{
	return strcmp(field_find(volume, "hostPath", "path", NULL), TSM_PATH) == 0;
}

static bool name_is_taken(const json_t *volumes, const char *name)
{
	json_t *volume;
	size_t i;
	json_array_foreach(volumes, i, volume)
		if (strcmp(field_find(volume, "name", NULL), name) == 0)
			return true;
	return false;
}

/* The name of a volume that will do, else one that is free. */
static bool choose_volume(const json_t *volumes, bool (*will_do)(const json_t *volume), const char *wish, char ret[32])
{
	json_t *volume;
	size_t i;
	json_array_foreach(volumes, i, volume) {
		const char *name = field_find(volume, "name", NULL);
		if (will_do(volume) && *name && strlen(name) < 32) {
			snprintf(ret, 32, "%s", name);
			return true;
		}
	}
	snprintf(ret, 32, "%s", wish);
	for (i = 2; name_is_taken(volumes, ret); i++)
		snprintf(ret, 32, "%s-%zu", wish, i);
	return false;
}

static bool is_set(const json_t *environment, const char *name)
{
	json_t *variable;
	size_t i;
	json_array_foreach(environment, i, variable)
		if (strcmp(field_find(variable, "name", NULL), name) == 0)
			return true;
	return false;
}

/* Paths of mounts, with or without a slash at the end: is one the other, or a folder of it? */
static bool path_covers(const char *folder, const char *path)
{
	size_t size = strlen(folder);
	while (size && folder[size - 1] == '/')
		size--;
	return strncmp(folder, path, size) == 0 && (!path[size] || path[size] == '/');
}

static bool is_mounted(const json_t *mounts, const char *path, bool also_around)
{
	json_t *mount;
	size_t i;
	json_array_foreach(mounts, i, mount) {
		const char *present = field_find(mount, "mountPath", NULL);
		bool above = path_covers(present, path), below = path_covers(path, present);
		if (also_around ? *present && (above || below) : above && below)
			return true;
	}
	return false;
}

static json_t *variable(const char *name, json_t *value)
{
	return json_pack("{s:s, s:o}", "name", name, "value", value);
}

static json_t *in_lower_case(json_t *text)
{
	CLEANUP_JSON json_t *old = text;
	CLEANUP_FREE char *copy = text ? strdup(json_string_value(text)) : NULL;
	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy ? json_string(copy) : NULL;
}

/* By marble type and namespace: what a service in front of it is called. */
static json_t *dns_names(const struct pod *pod)
{
	return in_lower_case(json_sprintf("%s,%s.%s,%s.%s.svc.%s", pod->type, pod->type, pod->namespace, pod->type,
					  pod->namespace, pod->rules->cluster_domain));
}

static void inject_environment(struct pod *pod, const struct container *c)
{
	json_t *missing = json_array();
	const struct {
		const char *name;
		json_t *value;
	} wanted[] = {
		{ "EDG_MARBLE_COORDINATOR_ADDR", json_string(pod->rules->coordinator) },
		{ "EDG_MARBLE_TYPE", json_string(pod->type) },
		{ "EDG_MARBLE_DNS_NAMES", dns_names(pod) },
		{ "EDG_MARBLE_UUID_FILE", json_sprintf("%s/" UUID_FILE, pod->uuid_folder) },
	};
	char path[PATH_MAX_TEXT + 8];
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (is_set(c->environment, wanted[i].name))
			json_decref(wanted[i].value);
		else if (json_array_append_new(missing, variable(wanted[i].name, wanted[i].value)) != 0)
			pod->patch.failed = true;
	}
	snprintf(path, sizeof path, "%s/env", c->path);
	patch_append(&pod->patch, c->environment, missing, path);
}

static json_t *mount(const char *volume, const char *path, bool read_only)
{
	json_t *made = json_pack("{s:s, s:s}", "name", volume, "mountPath", path);
	if (made && read_only && json_object_set_new(made, "readOnly", json_true()) != 0) {
		json_decref(made);
		return NULL;
	}
	return made;
}

static void inject_mounts(struct pod *pod, const struct container *c)
{
	json_t *missing = json_array();
	char path[PATH_MAX_TEXT + 16];
	/* The pod's UID is the marble's UUID, unless somebody has chosen another file. */
	if (!is_set(c->environment, "EDG_MARBLE_UUID_FILE") && !is_mounted(c->mounts, pod->uuid_folder, false)) {
		pod->uuid_needed = true;
		if (json_array_append_new(missing, mount(pod->uuid_volume, pod->uuid_folder, true)) != 0)
			pod->patch.failed = true;
	}
	if (pod->tsm && !is_mounted(c->mounts, TSM_PATH, true)) {
		pod->tsm_needed = true;
		if (json_array_append_new(missing, mount(pod->tsm_volume, TSM_PATH, false)) != 0)
			pod->patch.failed = true;
	}
	snprintf(path, sizeof path, "%s/volumeMounts", c->path);
	patch_append(&pod->patch, c->mounts, missing, path);
}

/* The container's setting, else the pod's. NULL: neither. */
static const json_t *security_setting(const struct pod *pod, const struct container *c, const char *name)
{
	const json_t *own = json_object_get(json_object_get(c->object, "securityContext"), name);
	if (own && !json_is_null(own))
		return own;
	return json_object_get(json_object_get(pod->spec, "securityContext"), name);
}

static void warn(struct pod *pod, json_t *text)
{
	if (json_array_append_new(pod->warnings, text) != 0)
		pod->patch.failed = true;
}

/* In the guest only root may make entries there. Whom the image runs as is not known here. */
static void warn_of_other_user(struct pod *pod, const struct container *c)
{
	const json_t *user = security_setting(pod, c, "runAsUser");
	const json_t *not_root = security_setting(pod, c, "runAsNonRoot");
	bool other = json_is_integer(user) ? json_integer_value(user) != 0 : json_is_true(not_root);
	if (other && !pod->other_user)
		warn(pod, json_sprintf("container \"%.63s\" does not run as root: it can't ask for evidence in "
				       TSM_PATH "/tsm", c->name));
	pod->other_user = pod->other_user || other;
}

struct quantity {
	const char *name, *value;
};

/* A limit of an extended resource must equal its request. */
static bool want_limit(json_t *missing, const json_t *limits, const json_t *requests, struct quantity q)
{
	json_t *present = json_object_get(limits, q.name), *asked = json_object_get(requests, q.name);
	if (present && !json_is_null(present))
		return true;
	bool use_asked = asked && !json_is_null(asked);
	return json_object_set_new(missing, q.name, use_asked ? json_incref(asked) : json_string(q.value)) == 0;
}

/* Device plugins count SGX memory each in their own unit. Intel's hands out the devices as resources, too. */
static bool want_limits(const struct pod *pod, json_t *missing, const json_t *limits, const json_t *requests)
{
	static const struct quantity intel[] = { { SGX_INTEL, "10Mi" },
						 { "sgx.intel.com/enclave", "1" },
						 { "sgx.intel.com/provision", "1" } };
	const struct quantity other = { pod->rules->sgx_resource, "10" };
	bool is_intel = strcmp(pod->rules->sgx_resource, SGX_INTEL) == 0;
	bool done = true;
	for (size_t i = 0; is_intel && i < ARRAY_SIZE(intel); i++)
		done = want_limit(missing, limits, requests, intel[i]) && done;
	return is_intel ? done : want_limit(missing, limits, requests, other);
}

static error *inject_resources(struct pod *pod, const struct container *c)
{
	json_t *limits, *requests, *missing;
	char where[PATH_MAX_TEXT + 16], path[PATH_MAX_TEXT + 24];
	snprintf(where, sizeof where, "%s.resources", c->where);
	TRY(field_get(c->resources, where, "limits", JSON_OBJECT, &limits));
	TRY(field_get(c->resources, where, "requests", JSON_OBJECT, &requests));
	missing = json_object();
	if (!want_limits(pod, missing, limits, requests))
		pod->patch.failed = true;
	snprintf(path, sizeof path, "%s/resources", c->path);
	if (!c->resources && json_object_size(missing)) {
		patch_add(&pod->patch, json_pack("{s:o}", "limits", missing), "%s", path);
		return NULL;
	}
	snprintf(path, sizeof path, "%s/resources/limits", c->path);
	patch_insert(&pod->patch, limits, missing, path);
	return NULL;
}

static error *read_container(json_t *object, const char *list, size_t index, struct container *ret)
{
	struct container c = { .object = object };
	snprintf(c.path, sizeof c.path, "/spec/%s/%zu", list, index);
	snprintf(c.where, sizeof c.where, "spec.%s[%zu]", list, index);
	if (!json_is_object(object))
		return error_new(ERROR_INVALID, "%s: object expected, not %s", c.where, json_type_name(object));
	TRY(field_text(object, c.where, "name", &c.name));
	TRY(field_get(object, c.where, "env", JSON_ARRAY, &c.environment));
	TRY(field_get(object, c.where, "volumeMounts", JSON_ARRAY, &c.mounts));
	TRY(field_get(object, c.where, "resources", JSON_OBJECT, &c.resources));
	*ret = c;
	return NULL;
}

/* Containers that only prepare the pod are no marbles, unless one of them is named. */
static error *inject_containers(struct pod *pod, const char *list, bool only_if_named)
{
	json_t *containers, *object;
	size_t i;
	TRY(field_get(pod->spec, "spec", list, JSON_ARRAY, &containers));
	json_array_foreach(containers, i, object) {
		struct container c;
		TRY(read_container(object, list, i, &c));
		bool named = *pod->only_container && strcmp(c.name, pod->only_container) == 0;
		if ((*pod->only_container || only_if_named) && !named)
			continue;
		inject_environment(pod, &c);
		inject_mounts(pod, &c);
		if (pod->tsm)
			warn_of_other_user(pod, &c);
		if (pod->sgx)
			TRY(inject_resources(pod, &c));
		pod->injected++;
	}
	return NULL;
}

static void inject_volumes(struct pod *pod)
{
	json_t *missing = json_array();
	if (pod->uuid_needed && !pod->uuid_there &&
	    json_array_append_new(missing, json_pack("{s:s, s:{s:[{s:s, s:{s:s}}]}}", "name", pod->uuid_volume,
						     "downwardAPI", "items", "path", UUID_FILE, "fieldRef",
						     "fieldPath", "metadata.uid")) != 0)
		pod->patch.failed = true;
	/* The guest's own, not the host's: Kata Containers takes what lies below /sys from the guest. */
	if (pod->tsm_needed && !pod->tsm_there &&
	    json_array_append_new(missing, json_pack("{s:s, s:{s:s}}", "name", pod->tsm_volume, "hostPath", "path",
						     TSM_PATH)) != 0)
		pod->patch.failed = true;
	patch_append(&pod->patch, pod->volumes, missing, "/spec/volumes");
}

static bool tolerates(const json_t *toleration, const char *key)
{
	const char *present = field_find(toleration, "key", NULL);
	const char *effect = field_find(toleration, "effect", NULL);
	return strcmp(field_find(toleration, "operator", NULL), "Exists") == 0 &&
	       (!*present || strcmp(present, key) == 0) && (!*effect || strcmp(effect, "NoSchedule") == 0);
}

static void inject_toleration(struct pod *pod)
{
	json_t *toleration, *missing;
	size_t i;
	json_array_foreach(pod->tolerations, i, toleration)
		if (tolerates(toleration, pod->rules->sgx_resource))
			return;
	missing = json_pack("[{s:s, s:s, s:s}]", "key", pod->rules->sgx_resource, "operator", "Exists", "effect",
			    "NoSchedule");
	patch_append(&pod->patch, pod->tolerations, missing, "/spec/tolerations");
}

static void warn_of_missing_container(struct pod *pod)
{
	if (*pod->only_container)
		warn(pod, json_sprintf("the label " LABEL_CONTAINER " names \"%s\", but the pod has no such container: "
				       "nothing is injected", pod->only_container));
}

static void warn_of_unknown_value(struct pod *pod)
{
	if (*pod->resources && strcmp(pod->resources, "disabled") != 0 && strcmp(pod->resources, "enabled") != 0)
		warn(pod, json_sprintf("the label " LABEL_RESOURCES " is \"%s\", not \"disabled\": resources are "
				       "injected", pod->resources));
}

static error *inject(struct pod *pod)
{
	TRY(read_spec(pod));
	pod->uuid_there = choose_volume(pod->volumes, volume_has_uuid, "marblerun-uuid", pod->uuid_volume);
	pod->tsm_there = choose_volume(pod->volumes, volume_has_tsm, "marblerun-tsm", pod->tsm_volume);
	TRY(inject_containers(pod, "containers", false));
	TRY(inject_containers(pod, "initContainers", true));
	if (!pod->injected) {
		warn_of_missing_container(pod);
		return NULL;
	}
	warn_of_unknown_value(pod);
	inject_volumes(pod);
	if (pod->sgx)
		inject_toleration(pod);
	return NULL;
}

void injection_free(struct injection *i)
{
	json_decref(i->patch);
	json_decref(i->warnings);
	*i = (struct injection){ 0 };
}

error *pod_inject(const struct injection_rules *rules, const json_t *pod, const char *namespace,
		  struct injection *ret)
{
	CLEANUP(injection_free) struct injection result = { .warnings = json_array() };
	CLEANUP(pod_free) struct pod p = { .rules = rules, .namespace = namespace, .object = pod,
					   .warnings = result.warnings };
	bool marble;
	TRY_ALLOC(result.warnings);
	TRY(read_labels(&p, &marble));
	if (marble)
		TRY(inject(&p));
	TRY(patch_finish(&p.patch, &result.patch));
	snprintf(result.type, sizeof result.type, "%s", p.type);
	*ret = result;
	result = (struct injection){ 0 };
	return NULL;
}
