/* The two calls of rpc.Marble, as a marble makes them. */
#pragma once
#include "marblerun/marble.h"
#include "net/grpc.h"

/* A failure that another try may mend is ERROR_UNAVAILABLE: nobody answers, UNAVAILABLE, or
 * FAILED_PRECONDITION (no manifest yet). Everything else is final, with the coordinator's reason. */

struct attestation {
	struct blob evidence, certificate_chain, collateral, state;
};
error *rpc_attest(struct grpc_client *client, bytes nonce, struct attestation *ret) MUST_USE;
void attestation_free(struct attestation *attestation);
DEFINE_CLEANUP_IN_PLACE(attestation_free, struct attestation)

struct activation_call {
	bytes evidence, request; /* request: PKCS#10 DER */
	const char *type, *uuid;
	bytes state_mark; /* of the last activation; empty: there is none */
	const char *const *enforces; /* NULL-terminated; NULL: nothing */
};
error *rpc_activate(struct grpc_client *client, const struct activation_call *call,
		    struct marblerun_parameters **ret, struct blob *ret_state_mark) MUST_USE;

/* The parameters of a packed rpc.ActivationResp. */
error *parameters_of_response(bytes response, struct marblerun_parameters **ret,
			      struct blob *ret_state_mark) MUST_USE;
static inline void parameters_free(struct marblerun_parameters *parameters)
{
	marblerun_parameters_free(parameters);
}
DEFINE_CLEANUP(parameters_free, struct marblerun_parameters *)
/* The failure of a call whose server answered `status` (GRPC_OK: the failure is not the server's),
 * as described above; consumes `e`, which may be NULL. */
error *rpc_judge(error *e, enum grpc_status status) MUST_USE;
