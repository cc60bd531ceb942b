#include "cli/mesh_objects.h"

#include <stdio.h>

#include "cli/mesh_objects_internal.h"

const char mesh_volume[] = "coordinator-pv-claim";

/* json_pack takes objects over even when it fails, and NULL among them makes it fail: so only the end asks. */

json_t *mesh_labels(const struct mesh_settings *s, const char *component, const char *name)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "app.kubernetes.io/component", component,
			 "app.kubernetes.io/created-by", "marblerun-cli", "app.kubernetes.io/name", name,
			 "app.kubernetes.io/part-of", "marblerun", "app.kubernetes.io/version", s->version);
}

static json_t *selector(const struct mesh_settings *s, const char *component)
{
	return json_pack("{s:s, s:s}", "edgeless.systems/control-plane-component", component,
			 "edgeless.systems/control-plane-ns", s->namespace);
}

json_t *mesh_selector(const struct mesh_settings *s, const char *component)
{
	return json_pack("{s:o}", "matchLabels", selector(s, component));
}

json_t *mesh_plane_labels(const struct mesh_settings *s, const char *component, const char *name, const char *plane)
{
	json_t *labels = mesh_labels(s, component, name), *more = selector(s, plane);
	if (!labels || !more || json_object_update(labels, more) != 0) {
		json_decref(labels);
		labels = NULL;
	}
	json_decref(more);
	return labels;
}

json_t *mesh_metadata(const struct mesh_settings *s, const char *name, json_t *labels)
{
	return json_pack("{s:s, s:s, s:o}", "name", name, "namespace", s->namespace, "labels", labels);
}

static json_t *namespace_object(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace", "metadata", "name",
			 s->namespace);
}

/* Neither the coordinator nor the injector asks the API server anything: there is no role, and no token. */
static json_t *service_account(const struct mesh_settings *s, const char *name, json_t *labels)
{
	return json_pack("{s:s, s:s, s:o, s:b}", "apiVersion", "v1", "kind", "ServiceAccount", "metadata",
			 mesh_metadata(s, name, labels), "automountServiceAccountToken", 0);
}

static json_t *endorsement_config(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:o, s:{s:s}}", "apiVersion", "v1", "kind", "ConfigMap", "metadata",
			 mesh_metadata(s, "coordinator-dcap-config",
				       mesh_plane_labels(s, "dcap-config", "coordinator-dcap-config", "dcap-config")),
			 "data", "sgx_default_qcnl.conf", s->qcnl);
}

static json_t *volume_claim(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:o, s:{s:[s], s:{s:{s:s}}}}", "apiVersion", "v1", "kind",
			 "PersistentVolumeClaim", "metadata",
			 mesh_metadata(s, mesh_volume, mesh_labels(s, "persistent-storage", mesh_volume)), "spec",
			 "accessModes", "ReadWriteOnce", "resources", "requests", "storage", "10Mi");
}

static json_t *service(const struct mesh_settings *s, const char *name, const char *component, const char *port_name,
		       unsigned port)
{
	return json_pack("{s:s, s:s, s:o, s:{s:s, s:o, s:[{s:s, s:i, s:s, s:s, s:s}]}}", "apiVersion", "v1", "kind",
			 "Service", "metadata", mesh_metadata(s, name, mesh_labels(s, component, name)), "spec", "type",
			 "ClusterIP", "selector", selector(s, "coordinator"), "ports", "name", port_name, "port",
			 (int)port, "targetPort", port_name, "protocol", "TCP", "appProtocol",
			 strcmp(port_name, "http") == 0 ? "https" : "tcp");
}

static json_t *disruption_budget(const struct mesh_settings *s, const char *name, const char *component,
				 const char *rule)
{
	return json_pack("{s:s, s:s, s:o, s:{s:i, s:o}}", "apiVersion", "policy/v1", "kind", "PodDisruptionBudget",
			 "metadata", mesh_metadata(s, name, mesh_labels(s, "disruption-budget", name)), "spec", rule,
			 1, "selector", mesh_selector(s, component));
}

static json_t *port(const char *name)
{
	return json_pack("{s:[{s:s, s:s}]}", "ports", "protocol", "TCP", "port", name);
}

/* Clients may come from everywhere, to these two ports. Where endorsements come from is not for us to say. */
static json_t *coordinator_policy(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:o, s:{s:o, s:[s], s:[o, o]}}", "apiVersion", "networking.k8s.io/v1",
			 "kind", "NetworkPolicy", "metadata",
			 mesh_metadata(s, COORDINATOR_DEPLOYMENT,
				       mesh_labels(s, "network-policy", COORDINATOR_DEPLOYMENT)),
			 "spec", "podSelector", mesh_selector(s, "coordinator"), "policyTypes", "Ingress", "ingress",
			 port("http"), port("grpc"));
}

static json_t *injector_policy(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:o, s:{s:o, s:[s, s], s:[], s:[o]}}", "apiVersion", "networking.k8s.io/v1",
			 "kind", "NetworkPolicy", "metadata",
			 mesh_metadata(s, INJECTOR_DEPLOYMENT, mesh_labels(s, "network-policy", INJECTOR_DEPLOYMENT)),
			 "spec", "podSelector", mesh_selector(s, "admission-controller"), "policyTypes", "Ingress",
			 "Egress", "egress", "ingress", port("https"));
}

static error *append(json_t *list, json_t *object)
{
	return json_array_append_new(list, object) == 0 ? NULL : error_no_memory();
}

static error *append_injector(const struct mesh_settings *s, const struct webhook_identity *identity, json_t *list)
{
	TRY(append(list, service_account(s, INJECTOR_DEPLOYMENT,
					 mesh_labels(s, "admission-controller", INJECTOR_DEPLOYMENT))));
	TRY(append(list, mesh_webhook_secret(s, identity)));
	TRY(append(list, mesh_injector_service(s)));
	TRY(append(list, injector_policy(s)));
	TRY(append(list, disruption_budget(s, INJECTOR_DEPLOYMENT, "admission-controller", "maxUnavailable")));
	return append(list, mesh_injector(s));
}

/* The webhook comes last: from then on, marbles' pods need the injector. */
error *mesh_objects(const struct mesh_settings *s, const struct webhook_identity *identity, json_t **ret)
{
	CLEANUP_JSON json_t *list = json_array();
	TRY_ALLOC(list);
	TRY(append(list, namespace_object(s)));
	TRY(append(list, service_account(s, COORDINATOR_DEPLOYMENT,
					 mesh_plane_labels(s, "controller", COORDINATOR_DEPLOYMENT, "controller"))));
	if (!s->simulation)
		TRY(append(list, endorsement_config(s)));
	TRY(append(list, volume_claim(s)));
	TRY(append(list, service(s, "coordinator-client-api", "client-api", "http", s->client_port)));
	TRY(append(list, service(s, "coordinator-mesh-api", "mesh-api", "grpc", s->mesh_port)));
	TRY(append(list, coordinator_policy(s)));
	/* The state is sealed to this machine: whoever drains the node is to know that it needs recovery. */
	TRY(append(list, disruption_budget(s, COORDINATOR_DEPLOYMENT, "coordinator", "minAvailable")));
	TRY(append(list, mesh_coordinator(s)));
	if (s->injection) {
		TRY(append_injector(s, identity, list));
		TRY(append(list, mesh_webhook(s, identity)));
	}
	*ret = TAKE(list);
	return NULL;
}

bool mesh_object_stays(const struct kube_name *name)
{
	return strcmp(name->kind, "Namespace") == 0 || strcmp(name->kind, "PersistentVolumeClaim") == 0;
}

/* The webhook goes first, so that nobody's pods wait for an injector that is gone. */
size_t mesh_names(const char *namespace, char webhook[128], struct kube_name ret[MESH_NAMES_MAX])
{
	static const struct kube_name names[] = {
		{ "apps/v1", "Deployment", "", INJECTOR_DEPLOYMENT },
		{ "apps/v1", "Deployment", "", COORDINATOR_DEPLOYMENT },
		{ "networking.k8s.io/v1", "NetworkPolicy", "", INJECTOR_DEPLOYMENT },
		{ "networking.k8s.io/v1", "NetworkPolicy", "", COORDINATOR_DEPLOYMENT },
		{ "policy/v1", "PodDisruptionBudget", "", INJECTOR_DEPLOYMENT },
		{ "policy/v1", "PodDisruptionBudget", "", COORDINATOR_DEPLOYMENT },
		{ "v1", "Service", "", INJECTOR_DEPLOYMENT },
		{ "v1", "Service", "", "coordinator-client-api" },
		{ "v1", "Service", "", "coordinator-mesh-api" },
		{ "v1", "Secret", "", INJECTOR_CERTIFICATES },
		{ "v1", "ConfigMap", "", "coordinator-dcap-config" },
		{ "v1", "ServiceAccount", "", INJECTOR_DEPLOYMENT },
		{ "v1", "ServiceAccount", "", COORDINATOR_DEPLOYMENT },
	};
	size_t count = 0;
	snprintf(webhook, 128, INJECTOR_DEPLOYMENT "-%s", namespace);
	ret[count++] = (struct kube_name){ "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", NULL,
					   webhook };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ret[count] = names[i];
		ret[count++].namespace = namespace;
	}
	return count;
}
