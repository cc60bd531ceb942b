#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/cluster.h"
#include "cli/mesh_objects.h"
#include "cli/nodes.h"
#include "cli/output.h"
#include "kubernetes/change.h"
#include "kubernetes/yaml_text.h"
#include "pki/certificate.h"

static const char default_pccs[] = "https://global.acccache.azure.net/sgx/certification/v4/";
/* No registry of others can answer for this one. */
static const char default_repository[] = "localhost/marblerun";
enum { CLIENT_PORT = 4433, MESH_PORT = 2001, WAIT_S = 300, QCNL_MAX = 64 << 10, TEXT_MAX = 255 };

/* What the flags say, and what was made to say it. */
struct plan {
	struct mesh_settings settings;
	char *domains;
	char *qcnl;
	char *resource_key;
	struct webhook_identity identity;
};

static void plan_free(struct plan *plan)
{
	free(plan->domains);
	free(plan->qcnl);
	free(plan->resource_key);
	webhook_identity_free(&plan->identity);
}
DEFINE_CLEANUP_IN_PLACE(plan_free, struct plan)

static const char *value_of(const struct flag_values *f, enum flag flag, const char *otherwise)
{
	return flag_given(f, flag) ? f->values[flag] : otherwise;
}

static error *check_characters(const char *text, const char *what, const char *allowed)
{
	size_t good = strspn(text, allowed);
	if (*text && !text[good] && strlen(text) <= TEXT_MAX)
		return NULL;
	return error_new(ERROR_INVALID, "%s is \"%.80s\": 1 to %d of %s are expected", what, text, TEXT_MAX, allowed);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* Tag and label at once: no more than either allows. */
static error *check_version(const char *version)
{
	enum { LABEL_MAX = 63 };
	static const char edge[] = LETTERS DIGITS;
	TRY(check_characters(version, "--version", LETTERS DIGITS "._-"));
	size_t size = strlen(version);
	if (size <= LABEL_MAX && strchr(edge, version[0]) && strchr(edge, version[size - 1]))
		return NULL;
	return error_new(ERROR_INVALID, "--version is \"%.80s\": at most %d characters are expected, the first and the "
			 "last a letter or a digit", version, LABEL_MAX);
}

static error *check_images(const struct flag_values *f)
{
	if (flag_given(f, FLAG_VERSION))
		TRY(check_version(f->values[FLAG_VERSION]));
	if (flag_given(f, FLAG_IMAGE_REPOSITORY))
		TRY(check_characters(f->values[FLAG_IMAGE_REPOSITORY], "--image-repository", LETTERS DIGITS "._-/:"));
	return NULL;
}

static error *check_tee(const struct flag_values *f)
{
	int count = flag_given(f, FLAG_SIMULATION) + flag_given(f, FLAG_RESOURCE_KEY) +
		    flag_given(f, FLAG_RUNTIME_CLASS);
	if (count > 1)
		return error_new(ERROR_INVALID, "--simulation, --resource-key or --runtime-class: not several");
	if (flag_given(f, FLAG_RUNTIME_CLASS))
		return kube_label_check(f->values[FLAG_RUNTIME_CLASS], "--runtime-class");
	if (!flag_given(f, FLAG_RESOURCE_KEY))
		return NULL;
	return check_characters(f->values[FLAG_RESOURCE_KEY], "--resource-key", LETTERS DIGITS "._-/");
}

static error *check_endorsements(const struct flag_values *f)
{
	const char *secure = value_of(f, FLAG_DCAP_SECURE_CERT, "TRUE"), *qpl = value_of(f, FLAG_DCAP_QPL, "azure");
	const char *pccs = value_of(f, FLAG_DCAP_PCCS_URL, default_pccs);
	bool own = flag_given(f, FLAG_DCAP_PCCS_URL) || flag_given(f, FLAG_DCAP_SECURE_CERT);
	if (flag_given(f, FLAG_DCAP_QCNL_CONFIG_FILE) && own)
		return error_new(ERROR_INVALID, "--dcap-qcnl-config-file says what --dcap-pccs-url and "
				 "--dcap-secure-cert would: not both");
	if (strcasecmp(secure, "TRUE") != 0 && strcasecmp(secure, "FALSE") != 0)
		return error_new(ERROR_INVALID, "--dcap-secure-cert is \"%.40s\": TRUE or FALSE is expected", secure);
	if (strcmp(qpl, "azure") != 0 && strcmp(qpl, "intel") != 0)
		return error_new(ERROR_INVALID, "--dcap-qpl is \"%.40s\": azure or intel is expected", qpl);
	return kube_server_check(pccs, "--dcap-pccs-url");
}

static error *check(const struct flag_values *f)
{
	if (flag_given(f, FLAG_CHART_PATH))
		return error_new(ERROR_INVALID, "--marblerun-chart-path: this program brings its own manifests and "
				 "reads no chart; 'helm install' does, or change what --dry-run prints");
	if (flag_given(f, FLAG_DISTRIBUTED))
		return error_new(ERROR_INVALID, "--distributed-deployment: this coordinator keeps its state on one "
				 "volume; several that share one are not supported");
	unsigned client = flag_given(f, FLAG_CLIENT_PORT) ? f->numbers[FLAG_CLIENT_PORT] : CLIENT_PORT;
	unsigned mesh = flag_given(f, FLAG_MESH_PORT) ? f->numbers[FLAG_MESH_PORT] : MESH_PORT;
	if (client == mesh)
		return error_new(ERROR_INVALID, "--client-server-port and --mesh-server-port are both %u", client);
	TRY(cluster_check(f));
	TRY(check_images(f));
	TRY(check_tee(f));
	return check_endorsements(f);
}

static error *join_domains(const struct flag_values *f, char **ret)
{
	CLEANUP(san_free) struct san_list names = { 0 };
	CLEANUP(writer_free) struct writer w = { 0 };
	for (size_t i = 0; i < f->repeated_count; i++) {
		TRY_CTX(san_add_list(&names, f->repeated[i]), "--domain");
		write_format(&w, "%s%s", i ? "," : "", f->repeated[i]);
	}
	*ret = writer_take_string(&w);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *make_qcnl(const struct flag_values *f, const char *pccs, char **ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	const char *path = f->values[FLAG_DCAP_QCNL_CONFIG_FILE];
	bool secure = strcasecmp(value_of(f, FLAG_DCAP_SECURE_CERT, "TRUE"), "TRUE") == 0;
	CLEANUP_JSON json_t *config = json_pack("{s:s, s:b}", "pccs_url", pccs, "use_secure_cert", secure);
	TRY_ALLOC(config);
	if (path)
		TRY_CTX(file_read(path, QCNL_MAX, &text), "--dcap-qcnl-config-file");
	else
		TRY(json_print(config, JSON_INDENT(2), &text));
	*ret = strndup((const char *)text.data, text.size);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *make_plan(const struct flag_values *f, struct plan *plan)
{
	const char *pccs = value_of(f, FLAG_DCAP_PCCS_URL, default_pccs);
	if (flag_given(f, FLAG_DCAP_QPL))
		say_note("--dcap-qpl has no effect: endorsements come from --dcap-pccs-url on every platform");
	TRY(join_domains(f, &plan->domains));
	TRY(make_qcnl(f, pccs, &plan->qcnl));
	plan->settings = (struct mesh_settings){
		.namespace = cluster_namespace(f),
		.repository = value_of(f, FLAG_IMAGE_REPOSITORY, default_repository),
		.version = value_of(f, FLAG_VERSION, MARBLERUN_VERSION),
		.domains = plan->domains,
		.simulation = flag_given(f, FLAG_SIMULATION),
		.runtime_class = f->values[FLAG_RUNTIME_CLASS],
		.resource_key = value_of(f, FLAG_RESOURCE_KEY, SGX_INTEL),
		.pccs = flag_given(f, FLAG_DCAP_QCNL_CONFIG_FILE) ? NULL : pccs,
		.qcnl = plan->qcnl,
		.client_port = flag_given(f, FLAG_CLIENT_PORT) ? f->numbers[FLAG_CLIENT_PORT] : CLIENT_PORT,
		.mesh_port = flag_given(f, FLAG_MESH_PORT) ? f->numbers[FLAG_MESH_PORT] : MESH_PORT,
		.injection = !flag_given(f, FLAG_DISABLE_INJECTION),
	};
	if (plan->settings.simulation || plan->settings.runtime_class)
		plan->settings.resource_key = NULL;
	return NULL;
}

static error *make_objects(struct plan *plan, json_t **ret)
{
	if (plan->settings.injection)
		TRY(webhook_identity_make(plan->settings.namespace, clock_now(), &plan->identity));
	return mesh_objects(&plan->settings, &plan->identity, ret);
}

static error *render(const struct flag_values *f, struct plan *plan)
{
	CLEANUP_JSON json_t *objects = NULL;
	CLEANUP(writer_free) struct writer w = { .secret = true };
	TRY(make_objects(plan, &objects));
	if (plan->settings.injection)
		say_warning("what is printed holds the private key of the webhook: keep it to yourself");
	if (flags_want_json(f)) {
		CLEANUP_JSON json_t *list = json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items",
						      objects);
		TRY_ALLOC(list);
		return print_json(list);
	}
	for (size_t i = 0; i < json_array_size(objects); i++)
		TRY(yaml_write(&w, json_array_get(objects, i)));
	TRY(writer_check(&w, "manifests"));
	fwrite(w.data, 1, w.size, stdout);
	return NULL;
}

/* Which device plugin offers SGX? Nobody who may not list nodes needs to. */
static error *find_resource_key(const struct flag_values *f, struct cluster *cluster, struct plan *plan)
{
	CLEANUP_JSON json_t *nodes = NULL;
	if (flag_given(f, FLAG_RESOURCE_KEY) || !plan->settings.resource_key)
		return NULL;
	TRY_CTX(nodes_list(cluster, &nodes), "which SGX do nodes offer? (--resource-key or --simulation says it)");
	const char *key = nodes_resource_key(nodes);
	if (!key)
		say_warning("no node offers SGX: the coordinator will wait for one that offers %s; --simulation does "
			    "without", SGX_INTEL);
	plan->resource_key = strdup(key ? key : SGX_INTEL);
	TRY_ALLOC(plan->resource_key);
	plan->settings.resource_key = plan->resource_key;
	return NULL;
}

/* What may stay and is there needs not to be made: it is dropped from the list. */
static error *look_for(struct cluster *cluster, json_t *objects, size_t i, struct writer *found, bool *ret_dropped)
{
	CLEANUP_JSON json_t *is = NULL;
	struct kube_name name;
	TRY(kube_name_of(json_array_get(objects, i), &name));
	error *e = kube_get(cluster->client, &name, &is);
	*ret_dropped = false;
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	if (!mesh_object_stays(&name)) {
		write_format(found, "%s%s", found->size ? ", " : "", kube_describe(&name).text);
		return NULL;
	}
	if (kube_metadata(is, "deletionTimestamp"))
		return error_new(ERROR_WRONG_STATE, "%s is being deleted: try again when it is gone",
				 kube_describe(&name).text);
	*ret_dropped = true;
	return json_array_remove(objects, i) == 0 ? NULL : error_no_memory();
}

/* Only what is new is made, so that a failure can be undone without a trace. */
static error *check_nothing_there(struct cluster *cluster, json_t *objects)
{
	CLEANUP(writer_free) struct writer found = { 0 };
	for (size_t i = 0; i < json_array_size(objects); ) {
		bool dropped;
		TRY(look_for(cluster, objects, i, &found, &dropped));
		i += !dropped;
	}
	TRY(writer_check(&found, "what is there"));
	if (!found.size)
		return NULL;
	return error_new(ERROR_CONFLICT, "there is an installation, or what is left of one: %.*s. 'marblerun uninstall "
			 "--namespace %s' removes it, and keeps the coordinator's state", (int)found.size,
			 (const char *)found.data, cluster->namespace);
}

static error *make_all(struct kube_change *change, const json_t *objects)
{
	for (size_t i = 0; i < json_array_size(objects); i++)
		TRY(kube_change_make(change, json_array_get(objects, i)));
	return NULL;
}

static error *wait_for_all(const struct flag_values *f, struct cluster *cluster, bool injection)
{
	unsigned seconds = flag_given(f, FLAG_TIMEOUT) ? f->numbers[FLAG_TIMEOUT] : WAIT_S;
	int64_t end_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
	struct rollout now;
	if (!flag_given(f, FLAG_WAIT))
		return NULL;
	if (injection)
		TRY(cluster_wait(cluster, INJECTOR_DEPLOYMENT, end_ms, &now));
	return cluster_wait(cluster, COORDINATOR_DEPLOYMENT, end_ms, &now);
}

/* All of it, or as if nothing had been. */
static error *make_or_undo(const struct flag_values *f, struct cluster *cluster, const struct plan *plan,
			   const json_t *objects)
{
	CLEANUP(kube_change_free) struct kube_change change = { .client = cluster->client };
	error *e = make_all(&change, objects);
	e = e ? e : wait_for_all(f, cluster, plan->settings.injection);
	if (!e || !change.count)
		return e;
	error *left = kube_change_undo(&change);
	if (!left)
		return error_wrap(e, "the installation was undone");
	error *both = error_new(error_code(e), "%s; undoing it failed, %s", error_message(e), error_message(left));
	error_free(e);
	error_free(left);
	return both;
}

static error *names_of(const json_t *objects, json_t **ret)
{
	CLEANUP_JSON json_t *names = json_array();
	TRY_ALLOC(names);
	for (size_t i = 0; i < json_array_size(objects); i++) {
		struct kube_name name;
		TRY(kube_name_of(json_array_get(objects, i), &name));
		if (json_array_append_new(names, json_string(kube_describe(&name).text)) != 0)
			return error_no_memory();
	}
	*ret = TAKE(names);
	return NULL;
}

/* Its certificate is for localhost, too, so a forwarded port will do. */
static void say_what_is_next(const struct mesh_settings *s, bool ready)
{
	puts("\nNext:");
	if (!ready)
		printf("  marblerun check --namespace %s\n", s->namespace);
	printf("  kubectl -n %s port-forward service/coordinator-client-api %u:%u &\n"
	       "  marblerun manifest set manifest.json localhost:%u %s\n", s->namespace, s->client_port, s->client_port,
	       s->client_port, s->simulation ? "--insecure" : "--era-config coordinator-era.json");
}

static error *report(const struct flag_values *f, const struct plan *plan, const json_t *objects)
{
	const struct mesh_settings *s = &plan->settings;
	if (flags_want_json(f)) {
		CLEANUP_JSON json_t *names = NULL;
		TRY(names_of(objects, &names));
		CLEANUP_JSON json_t *out = json_pack("{s:s, s:s, s:s?, s:b, s:b, s:O}", "namespace", s->namespace,
						     "version", s->version, "resourceKey", s->resource_key,
						     "simulation", s->simulation, "ready",
						     flag_given(f, FLAG_WAIT), "created", names);
		TRY_ALLOC(out);
		return print_json(out);
	}
	printf("Marblerun %s is %s in namespace %s.\n", s->version, flag_given(f, FLAG_WAIT) ? "ready" : "installed",
	       s->namespace);
	say_what_is_next(s, flag_given(f, FLAG_WAIT));
	return NULL;
}

static error *install(const struct invocation *call, struct plan *plan)
{
	CLEANUP(cluster_close) struct cluster cluster = { 0 };
	CLEANUP_JSON json_t *objects = NULL;
	TRY(cluster_open(call, &cluster));
	cluster_heed_signals(&cluster);
	TRY(find_resource_key(&call->flags, &cluster, plan));
	TRY(make_objects(plan, &objects));
	TRY(check_nothing_there(&cluster, objects));
	TRY(make_or_undo(&call->flags, &cluster, plan, objects));
	return report(&call->flags, plan, objects);
}

static error *run(const struct invocation *call)
{
	CLEANUP(plan_free) struct plan plan = { 0 };
	TRY(make_plan(&call->flags, &plan));
	return flag_given(&call->flags, FLAG_DRY_RUN) ? render(&call->flags, &plan) : install(call, &plan);
}

const struct command install_command = {
	.name = "install",
	.arguments = "",
	.summary = "Install Marblerun on a Kubernetes cluster",
	.text = "Makes the coordinator, its services and its volume, and the injector with its webhook, in\n"
		"the cluster of the kubeconfig's current context. Changes nothing that is there: a second\n"
		"installation is refused, and one that fails is undone.\n",
	.examples = "  marblerun install --simulation --wait\n"
		    "  marblerun install --domain mesh.example \\\n"
		    "    --dcap-pccs-url https://pccs.example/sgx/certification/v4/\n"
		    "  marblerun install --dry-run --image-repository registry.example/marblerun\n",
	.own = { FLAG_NAMESPACE, FLAG_DOMAIN, FLAG_SIMULATION, FLAG_RESOURCE_KEY, FLAG_RUNTIME_CLASS,
		 FLAG_DISABLE_INJECTION, FLAG_VERSION, FLAG_IMAGE_REPOSITORY, FLAG_CLIENT_PORT, FLAG_MESH_PORT,
		 FLAG_DCAP_PCCS_URL, FLAG_DCAP_SECURE_CERT, FLAG_DCAP_QCNL_CONFIG_FILE, FLAG_DCAP_QPL,
		 FLAG_CHART_PATH, FLAG_DISTRIBUTED, FLAG_DRY_RUN, FLAG_WAIT, FLAG_TIMEOUT, FLAG_OUTPUT_FORMAT,
		 FLAG_KUBECONFIG, FLAG_CONTEXT, FLAG_REQUEST_TIMEOUT },
	.local = true,
	.check = check,
	.run = run,
};
