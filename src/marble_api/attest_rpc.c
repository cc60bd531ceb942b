/* rpc.Marble/Attest: a marble looks at the coordinator before it speaks. */
#include "marble_api/marble_api_internal.h"

enum { NONCE_MIN = 16, NONCE_MAX = 64 };

static void answer(struct grpc_call call, const struct statement *s)
{
	Rpc__AttestResp response = RPC__ATTEST_RESP__INIT;
	response.quote = (ProtobufCBinaryData){ s->evidence.size, s->evidence.data };
	response.certificatechain = (ProtobufCBinaryData){ strlen(s->mesh->chain_pem),
							   (uint8_t *)s->mesh->chain_pem };
	response.collateral = (ProtobufCBinaryData){ s->collateral.size, s->collateral.data };
	response.state = (ProtobufCBinaryData){ s->state.size, s->state.data };
	size_t size = rpc__attest_resp__get_packed_size(&response);
	CLEANUP_FREE uint8_t *packed = malloc(size);
	if (!packed) {
		grpc_fail(call, error_no_memory());
		return;
	}
	rpc__attest_resp__pack(&response, packed);
	grpc_respond(call, bytes_of(packed, size));
}

static error *attest(struct marble_api *api, const Rpc__AttestReq *request, struct statement *ret)
{
	size_t size = request->nonce.len;
	if (size < NONCE_MIN || size > NONCE_MAX)
		return error_new(ERROR_INVALID, "Nonce: %zu bytes, %d to %d are expected", size, NONCE_MIN,
				 NONCE_MAX);
	return coordinator_attest(api->coordinator, bytes_of(request->nonce.data, size), ret);
}

/* In a worker: a TEE takes its time to issue, a service to give endorsements. */
struct attest_job {
	struct marble_api *api;
	struct grpc_call call;
};

static void run_job(void *context)
{
	struct attest_job job = *(struct attest_job *)context;
	CLEANUP(statement_free) struct statement statement = { 0 };
	free(context);
	Rpc__AttestReq *request =
		rpc__attest_req__unpack(NULL, job.call.message.size, job.call.message.data);
	if (!request) {
		grpc_fail(job.call, error_new(ERROR_INVALID, "the request is no rpc.AttestReq"));
		return;
	}
	error *e = attest(job.api, request, &statement);
	rpc__attest_req__free_unpacked(request, NULL);
	if (e)
		grpc_fail(job.call, e);
	else
		answer(job.call, &statement);
}

void attest_rpc(void *context, struct grpc_call call)
{
	struct marble_api *api = context;
	struct attest_job *job = calloc(1, sizeof *job);
	error *e = job ? NULL : error_no_memory();
	if (!e) {
		*job = (struct attest_job){ api, call };
		e = workers_submit(api->fast, run_job, job);
	}
	if (e) {
		free(job);
		grpc_fail(call, e);
	}
}
