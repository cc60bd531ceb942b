#include "cli/nodes.h"

#include "cli/mesh_objects.h"

error *nodes_list(struct cluster *cluster, json_t **ret)
{
	return kube_list(cluster->client, "/api/v1/nodes", ret);
}

/* A quantity that is there and not zero; NULL otherwise. */
static const char *capacity(const json_t *node, const char *resource)
{
	const json_t *all = json_object_get(json_object_get(node, "status"), "capacity");
	const char *quantity = json_string_value(json_object_get(all, resource));
	return quantity && strpbrk(quantity, "123456789") ? quantity : NULL;
}

/* Intel's plugin offers the enclave and provision devices apart. */
static bool offers(const json_t *node, const char *key)
{
	bool intel = strcmp(key, SGX_INTEL) == 0;
	return capacity(node, key) &&
	       (!intel || (capacity(node, SGX_INTEL_ENCLAVE) && capacity(node, SGX_INTEL_PROVISION)));
}

static bool has_label(const json_t *node, const char *const *names)
{
	const json_t *labels = json_object_get(json_object_get(node, "metadata"), "labels");
	for (; *names; names++) {
		const char *value = json_string_value(json_object_get(labels, *names));
		if (value && strcmp(value, "true") == 0)
			return true;
	}
	return false;
}

struct node_tees node_tees(const json_t *node)
{
	static const char *const keys[] = { SGX_ALIBABA, SGX_AZURE, SGX_INTEL };
	/* of Node Feature Discovery: hosts that can start such guests, and guests */
	static const char *const tdx[] = { "feature.node.kubernetes.io/cpu-security.tdx.enabled",
		"feature.node.kubernetes.io/cpu-security.tdx.protected", "intel.feature.node.kubernetes.io/tdx", NULL };
	static const char *const snp[] = { "feature.node.kubernetes.io/cpu-security.sev.snp.enabled",
		"amd.feature.node.kubernetes.io/snp", NULL };
	const char *name = kube_metadata(node, "name");
	struct node_tees t = { .name = name ? name : "", .tdx = has_label(node, tdx), .snp = has_label(node, snp) };
	for (size_t i = 0; i < ARRAY_SIZE(keys) && !t.resource_key; i++)
		t.resource_key = offers(node, keys[i]) ? keys[i] : NULL;
	t.epc = t.resource_key ? capacity(node, t.resource_key) : NULL;
	return t;
}

const char *nodes_resource_key(const json_t *nodes)
{
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		struct node_tees t = node_tees(json_array_get(nodes, i));
		if (t.resource_key)
			return t.resource_key;
	}
	return NULL;
}
