/* The deployments: what runs, and what it may do. */
#include <stdio.h>

#include "cli/mesh_objects_internal.h"

enum { NOBODY = 65532 };

static json_t *pod_security(bool root)
{
	return json_pack("{s:b, s:i, s:i, s:i, s:{s:s}}", "runAsNonRoot", !root, "runAsUser", root ? 0 : NOBODY,
			 "runAsGroup", NOBODY, "fsGroup", NOBODY, "seccompProfile", "type", "RuntimeDefault");
}

static json_t *container_security(void)
{
	return json_pack("{s:b, s:b, s:b, s:{s:[s]}}", "allowPrivilegeEscalation", 0, "privileged", 0,
			 "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL");
}

static json_t *probe(const char *path, const char *port, int period_s, int failures)
{
	return json_pack("{s:{s:s, s:s, s:s}, s:i, s:i, s:i}", "httpGet", "path", path, "scheme", "HTTPS", "port",
			 port, "periodSeconds", period_s, "timeoutSeconds", 10, "failureThreshold", failures);
}

static json_t *variable(const char *name, const char *value)
{
	return json_pack("{s:s, s:s}", "name", name, "value", value);
}

static json_t *formatted(const char *format, ...) PRINTF_LIKE(1, 2);
static json_t *formatted(const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0)
		return NULL;
	json_t *value = json_string(text);
	free(text);
	return value;
}

static json_t *variable_of(const char *name, json_t *value)
{
	return json_pack("{s:s, s:o}", "name", name, "value", value);
}

/* The names that its services have, and those that people gave it. */
static json_t *dns_names(const struct mesh_settings *s)
{
	static const char *const services[] = { "coordinator-mesh-api", "coordinator-client-api" };
	const char *n = s->namespace;
	CLEANUP(writer_free) struct writer w = { 0 };
	write_format(&w, "%s%slocalhost", s->domains, *s->domains ? "," : "");
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		write_format(&w, ",%s,%s.%s,%s.%s.svc,%s.%s.svc.cluster.local", services[i], services[i], n,
			     services[i], n, services[i], n);
	return w.failed ? NULL : json_stringn((const char *)w.data, w.size);
}

/* The service itself, without the path of the interface, which the coordinator adds. */
static json_t *pccs_address(const char *url)
{
	static const char path[] = "/sgx/certification/v4";
	size_t size = strlen(url);
	while (size && url[size - 1] == '/')
		size--;
	if (size > sizeof path - 1 && memcmp(url + size - (sizeof path - 1), path, sizeof path - 1) == 0)
		size -= sizeof path - 1;
	return json_stringn(url, size);
}

static json_t *coordinator_environment(const struct mesh_settings *s)
{
	json_t *list = json_pack("[o, o, o, o, o, o]",
				 variable_of("EDG_COORDINATOR_MESH_ADDR", formatted("0.0.0.0:%u", s->mesh_port)),
				 variable_of("EDG_COORDINATOR_CLIENT_ADDR", formatted("0.0.0.0:%u", s->client_port)),
				 variable_of("EDG_COORDINATOR_DNS_NAMES", dns_names(s)),
				 variable("EDG_COORDINATOR_SEAL_DIR", "/coordinator/data/"),
				 variable("EDG_LOG_FORMAT", "json"),
				 variable("OE_SIMULATION", s->simulation ? "1" : "0"));
	if (list && !s->simulation && s->pccs &&
	    json_array_append_new(list, variable_of("MARBLERUN_PCCS_URL", pccs_address(s->pccs))) != 0) {
		json_decref(list);
		list = NULL;
	}
	return list;
}

/* A device plugin counts in its own unit: Intel's in bytes, others in MiB. */
static json_t *limits(const struct mesh_settings *s)
{
	if (!s->resource_key)
		return json_object();
	if (strcmp(s->resource_key, SGX_INTEL) == 0)
		return json_pack("{s:s, s:s, s:s}", SGX_INTEL, "10Mi", SGX_INTEL_ENCLAVE, "1", SGX_INTEL_PROVISION,
				 "1");
	return json_pack("{s:s}", s->resource_key, "10");
}

static json_t *named_port(const char *name, unsigned port)
{
	return json_pack("{s:s, s:i, s:s}", "name", name, "containerPort", (int)port, "protocol", "TCP");
}

static error *add_volume(json_t *mounts, json_t *mount, json_t *volumes, json_t *volume)
{
	bool failed = json_array_append_new(mounts, mount) != 0;
	failed |= json_array_append_new(volumes, volume) != 0;
	return failed ? error_no_memory() : NULL;
}

/* Where a guest asks its TEE: Linux's configfs. */
static error *add_configfs(const struct mesh_settings *s, json_t *mounts, json_t *volumes)
{
	static const char name[] = "tsm", path[] = "/sys/kernel/config";
	if (!s->runtime_class)
		return NULL;
	return add_volume(mounts, json_pack("{s:s, s:s}", "name", name, "mountPath", path), volumes,
			  json_pack("{s:s, s:{s:s}}", "name", name, "hostPath", "path", path));
}

/* Intel's quote provider reads its configuration from the place that is built into it. */
static error *add_quote_provider(const struct mesh_settings *s, json_t *mounts, json_t *volumes)
{
	static const char name[] = "dcap-conf", file[] = "sgx_default_qcnl.conf";
	if (s->simulation)
		return NULL;
	json_t *mount = json_pack("{s:s, s:s, s:s, s:b}", "name", name, "mountPath", "/etc/sgx_default_qcnl.conf",
				  "subPath", file, "readOnly", 1);
	json_t *volume = json_pack("{s:s, s:{s:s}}", "name", name, "configMap", "name", "coordinator-dcap-config");
	return add_volume(mounts, mount, volumes, volume);
}

static json_t *coordinator_container(const struct mesh_settings *s, json_t *mounts)
{
	static const char path[] = "/api/v2/status";
	return json_pack("{s:s, s:o, s:s, s:o, s:[o, o], s:{s:o}, s:o, s:o, s:o, s:o, s:O}",
			 "name", "coordinator", "image", formatted("%s/coordinator:%s", s->repository, s->version),
			 "imagePullPolicy", "IfNotPresent", "env", coordinator_environment(s), "ports",
			 named_port("http", s->client_port), named_port("grpc", s->mesh_port),
			 "resources", "limits", limits(s), "securityContext", container_security(),
			 "startupProbe", probe(path, "http", 2, 60), "readinessProbe", probe(path, "http", 10, 3),
			 "livenessProbe", probe(path, "http", 30, 4), "volumeMounts", mounts);
}

static json_t *tolerations(const struct mesh_settings *s)
{
	if (!s->resource_key)
		return json_array();
	return json_pack("[{s:s, s:s, s:s}]", "key", s->resource_key, "operator", "Exists", "effect", "NoSchedule");
}

static json_t *coordinator_pod(const struct mesh_settings *s)
{
	static const char state[] = "coordinator-pv-storage";
	CLEANUP_JSON json_t *mounts = json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", state, "mountPath",
						"/coordinator/data", "name", "tmp", "mountPath", "/tmp");
	CLEANUP_JSON json_t *volumes = json_pack("[{s:s, s:{s:s}}, {s:s, s:{}}]", "name", state,
						 "persistentVolumeClaim", "claimName", mesh_volume, "name", "tmp",
						 "emptyDir");
	error *e = add_quote_provider(s, mounts, volumes);
	e = e ? e : add_configfs(s, mounts, volumes);
	error_free(e);
	if (e)
		return NULL;
	return json_pack("{s:s, s:s*, s:b, s:b, s:o, s:o, s:{s:s}, s:[o], s:i, s:O}", "serviceAccountName",
			 COORDINATOR_DEPLOYMENT, "runtimeClassName", s->runtime_class,
			 "automountServiceAccountToken", 0, "enableServiceLinks", 0,
			 "securityContext", pod_security(s->runtime_class), "tolerations", tolerations(s),
			 "nodeSelector", "kubernetes.io/os", "linux", "containers", coordinator_container(s, mounts),
			 "terminationGracePeriodSeconds", 60, "volumes", volumes);
}

/* Never two at once on one state. */
json_t *mesh_coordinator(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:o, s:{s:i, s:{s:s}, s:o, s:{s:{s:o}, s:o}}}", "apiVersion", "apps/v1", "kind",
			 "Deployment", "metadata",
			 mesh_metadata(s, COORDINATOR_DEPLOYMENT,
				       mesh_plane_labels(s, "coordinator", "coordinator", "coordinator")),
			 "spec", "replicas", 1, "strategy", "type", "Recreate", "selector",
			 mesh_selector(s, "coordinator"), "template", "metadata", "labels",
			 mesh_plane_labels(s, "coordinator", "coordinator", "coordinator"), "spec",
			 coordinator_pod(s));
}

static json_t *injector_arguments(const struct mesh_settings *s)
{
	return json_pack("[o, s, s, o, s]",
			 formatted("-coordAddr=coordinator-mesh-api.%s:%u", s->namespace, s->mesh_port),
			 "-tlsCertFile=/etc/webhook/certs/tls.crt", "-tlsKeyFile=/etc/webhook/certs/tls.key",
			 formatted("-sgxResource=%s", s->resource_key ? s->resource_key : ""), "-shutdownDelay=5");
}

static json_t *injector_container(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:[o], s:[o], s:{s:{s:s, s:s}, s:{s:s}}, s:o, s:o, s:o,"
			 " s:[{s:s, s:s, s:b}]}", "name", INJECTOR_DEPLOYMENT, "image",
			 formatted("%s/marble-injector:%s", s->repository, s->version), "imagePullPolicy",
			 "IfNotPresent", "args", injector_arguments(s), "env", variable("EDG_LOG_FORMAT", "json"),
			 "ports", named_port("https", INJECTOR_PORT), "resources", "requests", "cpu", "10m", "memory",
			 "32Mi", "limits", "memory", "512Mi", "securityContext", container_security(), "livenessProbe",
			 probe("/healthz", "https", 10, 3), "readinessProbe", probe("/readyz", "https", 5, 3),
			 "volumeMounts", "name", "webhook-certs", "mountPath", "/etc/webhook/certs", "readOnly", 1);
}

/* It goes on accepting for a while when it is stopped, until every API server knows. */
static json_t *injector_pod(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:b, s:b, s:i, s:o, s:{s:s}, s:[{s:i, s:s, s:s, s:o}], s:[o], s:[{s:s, s:{s:s, s:i}}]}",
			 "serviceAccountName", INJECTOR_DEPLOYMENT, "automountServiceAccountToken", 0,
			 "enableServiceLinks", 0, "terminationGracePeriodSeconds", 40, "securityContext",
			 pod_security(false), "nodeSelector", "kubernetes.io/os", "linux", "topologySpreadConstraints",
			 "maxSkew", 1, "topologyKey", "kubernetes.io/hostname", "whenUnsatisfiable", "ScheduleAnyway",
			 "labelSelector", mesh_selector(s, "admission-controller"), "containers",
			 injector_container(s), "volumes", "name", "webhook-certs", "secret", "secretName",
			 INJECTOR_CERTIFICATES, "defaultMode", 0440);
}

/* The selector is the public chart's, as that of a deployment can't be changed. */
json_t *mesh_injector(const struct mesh_settings *s)
{
	static const char plane[] = "admission-controller";
	return json_pack("{s:s, s:s, s:o, s:{s:i, s:{s:{s:s, s:s}}, s:{s:{s:o}, s:o}}}", "apiVersion", "apps/v1",
			 "kind", "Deployment", "metadata",
			 mesh_metadata(s, INJECTOR_DEPLOYMENT, mesh_plane_labels(s, plane, INJECTOR_DEPLOYMENT, plane)),
			 "spec", "replicas", 1, "selector", "matchLabels", "app.kubernetes.io/name",
			 INJECTOR_DEPLOYMENT, "app.kubernetes.io/part-of", "marblerun", "template", "metadata",
			 "labels", mesh_plane_labels(s, plane, INJECTOR_DEPLOYMENT, plane), "spec", injector_pod(s));
}
