#include "marble/rpc.h"

#include "rpc.pb-c.h"

error *rpc_judge(error *e, enum grpc_status status)
{
	if (!e || status == GRPC_OK)
		return e;
	if (status == GRPC_UNAVAILABLE || status == GRPC_FAILED_PRECONDITION)
		return error_recode(e, ERROR_UNAVAILABLE);
	return error_code(e) == ERROR_UNAVAILABLE ? error_recode(e, ERROR_DENIED) : e;
}

static error *call(struct grpc_client *client, const char *path, bytes request, struct blob *ret)
{
	enum grpc_status status = GRPC_OK;
	error *e = grpc_client_call(client, path, request, &status, ret);
	if (e && status == GRPC_UNIMPLEMENTED)
		e = error_wrap(e, "this coordinator does not know %s", path);
	return rpc_judge(e, status);
}

/* protobuf-c's fields are not const; packing only reads them. */
static ProtobufCBinaryData field_of(bytes b)
{
	return (ProtobufCBinaryData){ b.size, (uint8_t *)(uintptr_t)b.data };
}

static char *text_field_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static bytes bytes_of_field(const ProtobufCBinaryData *field)
{
	return bytes_of(field->data, field->len);
}

static error *copy_attestation(const Rpc__AttestResp *from, struct attestation *ret)
{
	CLEANUP(attestation_free) struct attestation copy = { 0 };
	TRY(blob_copy(bytes_of_field(&from->quote), &copy.evidence));
	TRY(blob_copy(bytes_of_field(&from->certificatechain), &copy.certificate_chain));
	TRY(blob_copy(bytes_of_field(&from->collateral), &copy.collateral));
	TRY(blob_copy(bytes_of_field(&from->state), &copy.state));
	*ret = copy;
	copy = (struct attestation){ 0 };
	return NULL;
}

error *rpc_attest(struct grpc_client *client, bytes nonce, struct attestation *ret)
{
	Rpc__AttestReq message;
	CLEANUP(blob_free) struct blob answer = { 0 };
	rpc__attest_req__init(&message);
	message.nonce = field_of(nonce);
	CLEANUP_FREE uint8_t *packed = malloc(rpc__attest_req__get_packed_size(&message));
	TRY_ALLOC(packed);
	size_t size = rpc__attest_req__pack(&message, packed);
	TRY(call(client, "/rpc.Marble/Attest", bytes_of(packed, size), &answer));
	Rpc__AttestResp *response = rpc__attest_resp__unpack(NULL, answer.size, answer.data);
	if (!response)
		return error_new(ERROR_INTERNAL, "the coordinator's answer is no rpc.AttestResp");
	error *e = copy_attestation(response, ret);
	rpc__attest_resp__free_unpacked(response, NULL);
	return e;
}

void attestation_free(struct attestation *attestation)
{
	blob_free(&attestation->evidence);
	blob_free(&attestation->certificate_chain);
	blob_free(&attestation->collateral);
	blob_free(&attestation->state);
}

error *rpc_activate(struct grpc_client *client, const struct activation_call *activation,
		    struct marblerun_parameters **ret, struct blob *ret_state_mark)
{
	Rpc__ActivationReq message;
	CLEANUP(blob_wipe) struct blob answer = { 0 };
	rpc__activation_req__init(&message);
	message.quote = field_of(activation->evidence);
	message.csr = field_of(activation->request);
	message.marbletype = text_field_of(activation->type);
	message.uuid = text_field_of(activation->uuid);
	message.statemark = field_of(activation->state_mark);
	message.enforces = (char **)(uintptr_t)activation->enforces; /* only read */
	while (activation->enforces && activation->enforces[message.n_enforces])
		message.n_enforces++;
	CLEANUP_FREE uint8_t *packed = malloc(rpc__activation_req__get_packed_size(&message));
	TRY_ALLOC(packed);
	size_t size = rpc__activation_req__pack(&message, packed);
	TRY(call(client, "/rpc.Marble/Activate", bytes_of(packed, size), &answer));
	return parameters_of_response(blob_view(&answer), ret, ret_state_mark);
}
