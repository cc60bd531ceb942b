/* The webhook: through it, the API server asks the injector about each new pod of a marble. */
#include <stdio.h>

#include "cli/mesh_objects_internal.h"
#include "codec/base64.h"

static json_t *encoded(bytes raw, bool secret)
{
	CLEANUP(writer_free) struct writer w = { .secret = secret };
	write_base64(&w, raw);
	return w.failed ? NULL : json_stringn((const char *)w.data, w.size);
}

json_t *mesh_webhook_secret(const struct mesh_settings *s, const struct webhook_identity *identity)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:{s:o, s:o, s:o}}", "apiVersion", "v1", "kind", "Secret", "type",
			 "kubernetes.io/tls", "metadata",
			 mesh_metadata(s, INJECTOR_CERTIFICATES,
				       mesh_labels(s, "webhook-certificate", INJECTOR_DEPLOYMENT)),
			 "data", "ca.crt", encoded(blob_view(&identity->authority), false), "tls.crt",
			 encoded(blob_view(&identity->certificate), false), "tls.key",
			 encoded(secret_view(&identity->key), true));
}

json_t *mesh_injector_service(const struct mesh_settings *s)
{
	return json_pack("{s:s, s:s, s:o, s:{s:s, s:{s:s, s:s}, s:[{s:s, s:i, s:s, s:s}]}}", "apiVersion", "v1", "kind",
			 "Service", "metadata",
			 mesh_metadata(s, INJECTOR_DEPLOYMENT,
				       mesh_labels(s, "admission-controller-svc", INJECTOR_DEPLOYMENT)),
			 "spec", "type", "ClusterIP", "selector", "app.kubernetes.io/name", INJECTOR_DEPLOYMENT,
			 "app.kubernetes.io/part-of", "marblerun", "ports", "name", "https", "port", 443, "targetPort",
			 "https", "protocol", "TCP");
}

static json_t *client_config(const struct mesh_settings *s, const struct webhook_identity *identity)
{
	return json_pack("{s:o, s:{s:s, s:s, s:s, s:i}}", "caBundle", encoded(blob_view(&identity->authority), false),
			 "service", "name", INJECTOR_DEPLOYMENT, "namespace", s->namespace, "path", "/mutate", "port",
			 443);
}

static json_t *rule(void)
{
	return json_pack("{s:[s], s:[s], s:[s], s:[s], s:s}", "operations", "CREATE", "apiGroups", "", "apiVersions",
			 "v1", "resources", "pods", "scope", "Namespaced");
}

/* "Fail": a marble that is not injected would only wait for a coordinator that it does not find. */
json_t *mesh_webhook(const struct mesh_settings *s, const struct webhook_identity *identity)
{
	char name[128], full[160];
	snprintf(name, sizeof name, INJECTOR_DEPLOYMENT "-%s", s->namespace);
	snprintf(full, sizeof full, "%s.cluster.local", name);
	return json_pack("{s:s, s:s, s:{s:s, s:o},"
			 " s:[{s:s, s:o, s:[o], s:{s:[{s:s, s:s, s:[]}]}, s:[s], s:s, s:s, s:i}]}",
			 "apiVersion", "admissionregistration.k8s.io/v1", "kind", "MutatingWebhookConfiguration",
			 "metadata", "name", name, "labels",
			 mesh_labels(s, "admission-controller-configuration", INJECTOR_DEPLOYMENT), "webhooks", "name",
			 full, "clientConfig", client_config(s, identity), "rules", rule(), "objectSelector",
			 "matchExpressions", "key", "marblerun/marbletype", "operator", "Exists", "values",
			 "admissionReviewVersions", "v1", "sideEffects", "None", "failurePolicy", "Fail",
			 "timeoutSeconds", 10);
}
