#include <stdio.h>

#include "cli/nodes.h"
#include "cli/output.h"

static error *print_nodes_json(const json_t *nodes)
{
	CLEANUP_JSON json_t *list = json_array();
	for (size_t i = 0; list && i < json_array_size(nodes); i++) {
		struct node_tees t = node_tees(json_array_get(nodes, i));
		json_t *node = json_pack("{s:s, s:s?, s:s?, s:b, s:b}", "name", t.name, "sgxResourceKey",
					 t.resource_key, "sgxCapacity", t.epc, "tdx", t.tdx, "sevSnp", t.snp);
		if (json_array_append_new(list, node) != 0)
			return error_no_memory();
	}
	CLEANUP_JSON json_t *out = json_pack("{s:O, s:s?}", "nodes", list, "sgxResourceKey",
					     nodes_resource_key(nodes));
	TRY_ALLOC(out);
	return print_json(out);
}

/* Names of nodes come from the cluster. */
static void print_node(const struct node_tees *t)
{
	if (t->resource_key)
		print_field("SGX", "%s: %s %s", t->name, t->epc, t->resource_key);
	if (t->tdx)
		print_field("TDX", "%s", t->name);
	if (t->snp)
		print_field("SEV-SNP", "%s", t->name);
}

static void print_nodes(const json_t *nodes)
{
	size_t count = json_array_size(nodes), sgx = 0, tdx = 0, snp = 0;
	for (size_t i = 0; i < count; i++) {
		struct node_tees t = node_tees(json_array_get(nodes, i));
		sgx += t.resource_key != NULL;
		tdx += t.tdx;
		snp += t.snp;
		print_node(&t);
	}
	printf("%zu nodes: %zu with SGX, %zu with TDX, %zu with SEV-SNP\n", count, sgx, tdx, snp);
	if (sgx)
		puts("Next: marblerun install");
	else
		puts("No node offers SGX; a device plugin may be missing. Without: marblerun install --simulation");
	if (!tdx && !snp)
		puts("TDX and SEV-SNP are seen by the labels of Node Feature Discovery.");
}

static error *run(const struct invocation *call)
{
	CLEANUP(cluster_close) struct cluster cluster = { 0 };
	CLEANUP_JSON json_t *nodes = NULL;
	TRY(cluster_open(call, &cluster));
	TRY(nodes_list(&cluster, &nodes));
	if (flags_want_json(&call->flags))
		return print_nodes_json(nodes);
	print_nodes(nodes);
	return NULL;
}

const struct command precheck_command = {
	.name = "precheck",
	.arguments = "",
	.summary = "Show which TEEs the nodes of a Kubernetes cluster offer",
	.text = "SGX by the resources of Intel's, Azure's and Alibaba's device plugins, TDX and SEV-SNP by\n"
		"the labels of Node Feature Discovery.\n",
	.examples = "  marblerun precheck\n"
		    "  marblerun precheck --context staging --output json\n",
	.own = { FLAG_OUTPUT_FORMAT, FLAG_KUBECONFIG, FLAG_CONTEXT, FLAG_REQUEST_TIMEOUT },
	.local = true,
	.run = run,
};
