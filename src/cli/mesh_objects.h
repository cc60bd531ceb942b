/* What an installation consists of: names, labels and ports as in MarbleRun's public Helm chart. */
#pragma once
#include "base/secret.h"
#include "kubernetes/object.h"

#define COORDINATOR_DEPLOYMENT "marblerun-coordinator"
#define INJECTOR_DEPLOYMENT "marble-injector"
#define SGX_INTEL "sgx.intel.com/epc"
#define SGX_INTEL_ENCLAVE "sgx.intel.com/enclave"
#define SGX_INTEL_PROVISION "sgx.intel.com/provision"
#define SGX_AZURE "kubernetes.azure.com/sgx_epc_mem_in_MiB"
#define SGX_ALIBABA "alibabacloud.com/sgx_epc_MiB"

struct mesh_settings {
	const char *namespace;
	const char *repository;   /* of the images, without a slash at the end */
	const char *version;      /* their tag */
	const char *domains;      /* of the coordinator, in addition to its services'; comma-separated, may be empty */
	bool simulation;          /* no TEE */
	const char *runtime_class; /* of TDX or SEV-SNP guests, in which the coordinator is to run; NULL: none */
	const char *resource_key; /* of SGX; NULL with either of them */
	const char *pccs;         /* where endorsements come from; NULL: as `qcnl` says */
	const char *qcnl;         /* sgx_default_qcnl.conf */
	unsigned client_port, mesh_port;
	bool injection;
};
/* The injector's. PEM. */
struct webhook_identity {
	struct blob authority, certificate;
	struct secret key;
};
void webhook_identity_free(struct webhook_identity *identity);
DEFINE_CLEANUP_IN_PLACE(webhook_identity_free, struct webhook_identity)
/* For the injector's service in that namespace. The authority's key is gone afterwards. `now` in seconds since 1970. */
error *webhook_identity_make(const char *namespace, int64_t now, struct webhook_identity *ret) MUST_USE;

/* In the order in which they are to be made: an array. `identity` NULL without injection. */
error *mesh_objects(const struct mesh_settings *settings, const struct webhook_identity *identity,
		    json_t **ret) MUST_USE;
/* May it be there before, and stay? The namespace, and the volume that holds the sealed state. */
bool mesh_object_stays(const struct kube_name *name);
/* All that an installation may have made, in the order in which it is to be deleted; but not what stays. *ret:
 * borrowed texts, `namespace` among them. */
enum { MESH_NAMES_MAX = 16 };
size_t mesh_names(const char *namespace, char webhook[128], struct kube_name ret[MESH_NAMES_MAX]);
extern const char mesh_volume[]; /* the volume claim's name */
