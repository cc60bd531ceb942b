/* rpc.Marble/Activate: from the message to the coordinator and back. */
#include "base/clock.h"
#include "base/log.h"
#include "marble_api/marble_api_internal.h"

struct activation_job {
	struct marble_api *api;
	struct grpc_call call;
	Rpc__ActivationReq *message;
};

static void job_free(struct activation_job *job)
{
	if (!job)
		return;
	if (job->message)
		rpc__activation_req__free_unpacked(job->message, NULL);
	free(job);
}
DEFINE_CLEANUP(job_free, struct activation_job *)

static bytes bytes_of_field(ProtobufCBinaryData field)
{
	return bytes_of(field.data, field.len);
}

/* The views that the generated message wants; it does not change what they point to. */
static ProtobufCBinaryData field_of_secret(const struct secret *s)
{
	return (ProtobufCBinaryData){ s->size, s->data };
}

struct packing {
	struct arena arena;
	Rpc__ActivationResp response;
	Rpc__Parameters parameters;
};

/* protobuf-c's strings are not const; they are only read. */
static char *arena_copy(struct packing *p, const char *text)
{
	return arena_string(&p->arena, bytes_of_string(text));
}

static error *pack_files(struct packing *p, const struct activation *a)
{
	size_t count = a->file_count;
	Rpc__Parameters__FilesEntry *entries = arena_alloc(&p->arena, count, sizeof *entries);
	p->parameters.files = arena_alloc(&p->arena, count, sizeof *p->parameters.files);
	if (!entries || !p->parameters.files)
		return error_no_memory();
	for (size_t i = 0; i < count; i++) {
		rpc__parameters__files_entry__init(&entries[i]);
		entries[i].key = arena_copy(p, a->files[i].name);
		entries[i].value = field_of_secret(&a->files[i].value);
		TRY_ALLOC(entries[i].key);
		p->parameters.files[i] = &entries[i];
	}
	p->parameters.n_files = count;
	return NULL;
}

static error *pack_environment(struct packing *p, const struct activation *a)
{
	size_t count = a->environment_count;
	Rpc__Parameters__EnvEntry *entries = arena_alloc(&p->arena, count, sizeof *entries);
	p->parameters.env = arena_alloc(&p->arena, count, sizeof *p->parameters.env);
	if (!entries || !p->parameters.env)
		return error_no_memory();
	for (size_t i = 0; i < count; i++) {
		rpc__parameters__env_entry__init(&entries[i]);
		entries[i].key = arena_copy(p, a->environment[i].name);
		entries[i].value = field_of_secret(&a->environment[i].value);
		TRY_ALLOC(entries[i].key);
		p->parameters.env[i] = &entries[i];
	}
	p->parameters.n_env = count;
	return NULL;
}

static error *pack_arguments(struct packing *p, const struct activation *a)
{
	const struct string_list *from = &a->marble->arguments;
	p->parameters.argv = arena_alloc(&p->arena, from->count, sizeof *p->parameters.argv);
	TRY_ALLOC(p->parameters.argv);
	for (size_t i = 0; i < from->count; i++) {
		p->parameters.argv[i] = arena_copy(p, from->items[i]);
		TRY_ALLOC(p->parameters.argv[i]);
	}
	p->parameters.n_argv = from->count;
	return NULL;
}

static error *pack_response(const struct activation *a, struct secret *ret)
{
	struct packing p = { .response = RPC__ACTIVATION_RESP__INIT,
			     .parameters = RPC__PARAMETERS__INIT };
	p.response.parameters = &p.parameters;
	p.response.statemark = (ProtobufCBinaryData){ a->state_mark.size, a->state_mark.data };
	error *e = pack_files(&p, a);
	if (!e)
		e = pack_environment(&p, a);
	if (!e)
		e = pack_arguments(&p, a);
	if (!e)
		e = secret_new(rpc__activation_resp__get_packed_size(&p.response), ret);
	if (!e)
		rpc__activation_resp__pack(&p.response, ret->data);
	arena_free(&p.arena);
	return e;
}

static void note_granted(const struct activation_job *job, const struct activation *granted)
{
	bytes type = bytes_of_string(job->message->marbletype), uuid = bytes_of_string(granted->uuid);
	marble_counts_activation(job->api->counts, type, uuid, true);
	events_add_activation(job->api->events, clock_now_ms(), type, uuid,
			      bytes_of_field(job->message->quote));
}

static void fail(const struct activation_job *job, error *e)
{
	marble_counts_activation(job->api->counts, bytes_of_string(job->message->marbletype),
				 bytes_of_string(job->message->uuid), false);
	grpc_fail(job->call, e);
}

static void log_outcome(const struct activation_job *job, const error *e)
{
	const char *address = arena_string(&job->call.exchange->arena, job->call.exchange->peer_address);
	if (e)
		log_warning("activation refused", LOG_TEXT_FIELD("marbleType", job->message->marbletype),
			    LOG_TEXT_FIELD("uuid", job->message->uuid),
			    LOG_TEXT_FIELD("from", address), LOG_ERROR_FIELD(e));
	else
		log_info("marble activated", LOG_TEXT_FIELD("marbleType", job->message->marbletype),
			 LOG_TEXT_FIELD("uuid", job->message->uuid), LOG_TEXT_FIELD("from", address));
}

static error *activate(const struct activation_job *job, struct secret *ret)
{
	const Rpc__ActivationReq *m = job->message;
	CLEANUP(activation_free) struct activation granted = { 0 };
	struct activation_request request = {
		.evidence = bytes_of_field(m->quote),
		.csr = bytes_of_field(m->csr),
		.marble_type = bytes_of_string(m->marbletype),
		.uuid = bytes_of_string(m->uuid),
		.state_mark = bytes_of_field(m->statemark),
		.enforced = m->enforces,
		.enforced_count = m->n_enforces,
		.client_certificate = job->call.exchange->peer_certificate,
	};
	TRY(coordinator_activate(job->api->coordinator, &request, clock_now(), &granted));
	TRY(pack_response(&granted, ret));
	note_granted(job, &granted);
	return NULL;
}

/* Runs in a worker. */
static void run_job(void *context)
{
	CLEANUP(job_free) struct activation_job *job = context;
	CLEANUP(secret_free) struct secret response = { 0 };
	error *e = activate(job, &response);
	log_outcome(job, e);
	if (e)
		fail(job, e);
	else
		grpc_respond(job->call, secret_view(&response));
}

static error *submit(struct activation_job *job)
{
	bytes type = bytes_of_string(job->message->marbletype);
	bool slow = coordinator_activation_is_slow(job->api->coordinator, type);
	return workers_submit(slow ? job->api->slow : job->api->fast, run_job, job);
}

void activate_rpc(void *context, struct grpc_call call)
{
	CLEANUP(job_free) struct activation_job *job = calloc(1, sizeof *job);
	if (!job) {
		grpc_fail(call, error_no_memory());
		return;
	}
	job->api = context;
	job->call = call;
	job->message = rpc__activation_req__unpack(NULL, call.message.size, call.message.data);
	if (!job->message) {
		grpc_fail(call, error_new(ERROR_INVALID, "the request is no rpc.ActivationReq"));
		return;
	}
	error *e = submit(job);
	if (e)
		fail(job, e);
	else
		job = NULL; /* the worker's now */
}
