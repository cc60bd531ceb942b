/* How a pod becomes a marble: what its labels ask for, as a patch. No I/O. */
#pragma once
#include "codec/json.h"

#define SGX_INTEL "sgx.intel.com/epc"
/* Confidential virtual machines of Kata Containers, by the names that their projects give them. */
#define TSM_RUNTIME_CLASSES                                                                                            \
	"kata-qemu-tdx,kata-qemu-snp,kata-qemu-nvidia-gpu-tdx,kata-qemu-nvidia-gpu-snp,kata-remote,kata-cc-isolation"

/* What is the same for all pods. */
struct injection_rules {
	const char *coordinator;    /* host:port of its marble API */
	const char *cluster_domain; /* "cluster.local" */
	const char *sgx_resource;   /* what a device plugin calls SGX memory; empty: no SGX here */
	const char *tsm_classes;    /* runtime classes whose guests attest by configfs-tsm, comma-separated */
};

struct injection {
	json_t *patch;    /* an array of operations; empty: the pod stays as it is */
	json_t *warnings; /* an array of texts for whoever made the pod */
	char type[64];    /* of the marble; empty: the pod is none */
};
void injection_free(struct injection *i);
DEFINE_CLEANUP_IN_PLACE(injection_free, struct injection)

/* What to change of a pod that is about to be made in the namespace. ERROR_INVALID names what of the pod makes no
 * sense. What the pod has set is never replaced, so that a pod that was injected needs nothing more. */
error *pod_inject(const struct injection_rules *rules, const json_t *pod, const char *namespace,
		  struct injection *ret) MUST_USE;
