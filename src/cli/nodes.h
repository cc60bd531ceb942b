/* Which TEEs the nodes of a cluster offer. */
#pragma once
#include "cli/cluster.h"

error *nodes_list(struct cluster *cluster, json_t **ret) MUST_USE;

struct node_tees {
	const char *name;         /* borrowed */
	const char *resource_key; /* of SGX; NULL: none */
	const char *epc;          /* how much of it; borrowed */
	bool tdx, snp;
};
struct node_tees node_tees(const json_t *node);
/* Of the first node that offers SGX; NULL: none does. */
const char *nodes_resource_key(const json_t *nodes);
