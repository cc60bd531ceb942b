/* The deployments: what runs, and what it may do. */
#include <stdio.h>

#include "cli/mesh_objects_internal.h"

enum { NOBODY = 65532 };

static json_t *pod_security(void)
{
	return json_pack("{s:b, s:i, s:i, s:i, s:{s:s}}", "runAsNonRoot", 1, "runAsUser", NOBODY, "runAsGroup", NOBODY,
			 "fsGroup", NOBODY, "seccompProfile", "type", "RuntimeDefault");
}

static json_t *container_security(void)
{
	return json_pack("{s:b, s:b, s:b, s:{s:[s]}}", "allowPrivilegeEscalation", 0, "privileged", 0,
			 "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL");
}

static json_t *probe(const char *path, unsigned port, int period_s, int failures)
{
	return json_pack("{s:{s:s, s:s, s:i}, s:i, s:i, s:i}", "httpGet", "path", path, "scheme", "HTTPS", "port",
			 (int)port, "periodSeconds", period_s, "timeoutSeconds", 10, "failureThreshold", failures);
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
	const char *n = s->namespace;
	return formatted("%s%slocalhost,coordinator-mesh-api,coordinator-client-api,coordinator-mesh-api.%s,"
			 "coordinator-client-api.%s,coordinator-mesh-api.%s.svc.cluster.local,"
			 "coordinator-client-api.%s.svc.cluster.local", s->domains, *s->domains ? "," : "", n, n, n, n);
}

static json_t *coordinator_environment(const struct mesh_settings *s)
{
	json_t *list = json_pack("[o, o, o, o, o]",
				 variable_of("EDG_COORDINATOR_MESH_ADDR", formatted("0.0.0.0:%u", s->mesh_port)),
				 variable_of("EDG_COORDINATOR_CLIENT_ADDR", formatted("0.0.0.0:%u", s->client_port)),
				 variable_of("EDG_COORDINATOR_DNS_NAMES", dns_names(s)),
				 variable("EDG_COORDINATOR_SEAL_DIR", "/coordinator/data/"),
				 variable("OE_SIMULATION", s->resource_key ? "0" : "1"));
	if (list && s->resource_key && s->pccs &&
	    json_array_append_new(list, variable("MARBLERUN_PCCS_URL", s->pccs)) != 0) {
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
		return json_pack("{s:s, s:i, s:i}", SGX_INTEL, "10Mi", SGX_INTEL_ENCLAVE, 1, SGX_INTEL_PROVISION, 1);
	return json_pack("{s:s}", s->resource_key, "10");
}

static json_t *coordinator_container(const struct mesh_settings *s)
{
	static const char path[] = "/api/v2/status";
	return json_pack("{s:s, s:o, s:s, s:o, s:[{s:i, s:s}, {s:i, s:s}], s:{s:o}, s:o, s:o, s:o, s:o,"
			 " s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s, s:s, s:b}]}",
			 "name", "coordinator", "image", formatted("%s/coordinator:%s", s->repository, s->version),
			 "imagePullPolicy", "IfNotPresent", "env", coordinator_environment(s), "ports",
			 "containerPort", (int)s->client_port, "name", "http",
			 "containerPort", (int)s->mesh_port, "name", "grpc",
			 "resources", "limits", limits(s), "securityContext", container_security(),
			 "startupProbe", probe(path, s->client_port, 2, 60),
			 "readinessProbe", probe(path, s->client_port, 10, 3),
			 "livenessProbe", probe(path, s->client_port, 30, 4), "volumeMounts",
			 "name", "coordinator-pv-storage", "mountPath", "/coordinator/data", "name", "tmp", "mountPath",
			 "/tmp", "name", "dcap-conf", "mountPath", "/etc/sgx_default_qcnl.conf", "subPath",
			 "sgx_default_qcnl.conf", "readOnly", 1);
}

static json_t *tolerations(const struct mesh_settings *s)
{
	if (!s->resource_key)
		return json_array();
	return json_pack("[{s:s, s:s, s:s}]", "key", s->resource_key, "operator", "Exists", "effect", "NoSchedule");
}

static json_t *coordinator_pod(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:{s:s}, s:[o], s:i,"
			 " s:[{s:s, s:{s:s}}, {s:s, s:{s:s}}, {s:s, s:{}}]}",
			 "serviceAccountName", COORDINATOR_DEPLOYMENT, "automountServiceAccountToken", 0,
			 "enableServiceLinks", 0, "securityContext", pod_security(), "tolerations", tolerations(s),
			 "nodeSelector", "kubernetes.io/os", "linux", "containers", coordinator_container(s),
			 "terminationGracePeriodSeconds", 60, "volumes",
			 "name", "coordinator-pv-storage", "persistentVolumeClaim", "claimName", mesh_volume,
			 "name", "dcap-conf", "configMap", "name", "coordinator-dcap-config", "name", "tmp",
			 "emptyDir");
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
	return json_pack("[o, s, s, o]",
			 formatted("-coordAddr=coordinator-mesh-api.%s:%u", s->namespace, s->mesh_port),
			 "-tlsCertFile=/etc/webhook/certs/tls.crt", "-tlsKeyFile=/etc/webhook/certs/tls.key",
			 formatted("-sgxResource=%s", s->resource_key ? s->resource_key : ""));
}

static json_t *injector_container(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:[{s:i, s:s}], s:o, s:o, s:o, s:[{s:s, s:s, s:b}]}", "name",
			 INJECTOR_DEPLOYMENT, "image", formatted("%s/marble-injector:%s", s->repository, s->version),
			 "imagePullPolicy", "IfNotPresent", "args", injector_arguments(s), "ports", "containerPort",
			 INJECTOR_PORT, "name", "http", "securityContext", container_security(), "livenessProbe",
			 probe("/healthz", INJECTOR_PORT, 10, 3), "readinessProbe",
			 probe("/readyz", INJECTOR_PORT, 5, 3), "volumeMounts", "name", "webhook-certs", "mountPath",
			 "/etc/webhook/certs", "readOnly", 1);
}

static json_t *injector_pod(const struct mesh_settings *s)
{
	return json_pack("{s:b, s:b, s:o, s:{s:s}, s:[o], s:[{s:s, s:{s:s, s:i}}]}", "automountServiceAccountToken", 0,
			 "enableServiceLinks", 0, "securityContext", pod_security(), "nodeSelector",
			 "kubernetes.io/os", "linux", "containers", injector_container(s), "volumes", "name",
			 "webhook-certs", "secret", "secretName", INJECTOR_CERTIFICATES, "defaultMode", 0440);
}

json_t *mesh_injector(const struct mesh_settings *s)
{
	static const char plane[] = "admission-controller";
	return json_pack("{s:s, s:s, s:o, s:{s:i, s:o, s:{s:{s:o}, s:o}}}", "apiVersion", "apps/v1", "kind",
			 "Deployment", "metadata",
			 mesh_metadata(s, INJECTOR_DEPLOYMENT, mesh_plane_labels(s, plane, INJECTOR_DEPLOYMENT, plane)),
			 "spec", "replicas", 1, "selector", mesh_selector(s, plane), "template", "metadata", "labels",
			 mesh_plane_labels(s, plane, INJECTOR_DEPLOYMENT, plane), "spec", injector_pod(s));
}
