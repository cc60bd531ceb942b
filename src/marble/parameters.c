/* What the coordinator provides, out of the protobuf message. The message holds the same secrets: its
 * memory is wiped when it is released. */
#include "marble/rpc.h"
#include "rpc.pb-c.h"

/* In front of each allocation of the message, so that it can be wiped whole. */
struct allocation {
	size_t size;
	max_align_t data[];
};

static void *message_alloc(void *unused, size_t size)
{
	size_t whole;
	(void)unused;
	if (__builtin_add_overflow(size, sizeof(struct allocation), &whole))
		return NULL;
	struct allocation *a = calloc(1, whole);
	if (!a)
		return NULL;
	a->size = size;
	return a->data;
}

static void message_release(void *unused, void *data)
{
	(void)unused;
	if (!data)
		return;
	struct allocation *a = (struct allocation *)((char *)data - offsetof(struct allocation, data));
	explicit_bzero(a->data, a->size);
	free(a);
}

static ProtobufCAllocator wiping = { message_alloc, message_release, NULL };

static void response_free(Rpc__ActivationResp *response)
{
	if (response)
		rpc__activation_resp__free_unpacked(response, &wiping);
}
DEFINE_CLEANUP(response_free, Rpc__ActivationResp *)

static error *copy_named(const char *name, const ProtobufCBinaryData *value,
			 struct marblerun_named_value *ret)
{
	size_t size;
	if (__builtin_add_overflow(value->len, (size_t)1, &size))
		return error_no_memory();
	ret->name = strdup(name);
	ret->data = calloc(1, size);
	if (!ret->name || !ret->data)
		return error_no_memory();
	if (value->len)
		memcpy(ret->data, value->data, value->len);
	ret->size = value->len;
	return NULL;
}

static error *copy_files(const Rpc__Parameters *from, struct marblerun_parameters *to)
{
	to->files = calloc(from->n_files + 1, sizeof *to->files);
	TRY_ALLOC(to->files);
	for (size_t i = 0; i < from->n_files; i++) {
		to->file_count = i + 1;
		TRY(copy_named(from->files[i]->key, &from->files[i]->value, &to->files[i]));
	}
	return NULL;
}

static error *copy_environment(const Rpc__Parameters *from, struct marblerun_parameters *to)
{
	to->environment = calloc(from->n_env + 1, sizeof *to->environment);
	TRY_ALLOC(to->environment);
	for (size_t i = 0; i < from->n_env; i++) {
		to->environment_count = i + 1;
		TRY(copy_named(from->env[i]->key, &from->env[i]->value, &to->environment[i]));
	}
	return NULL;
}

static error *copy_arguments(const Rpc__Parameters *from, struct marblerun_parameters *to)
{
	to->arguments = calloc(from->n_argv + 1, sizeof *to->arguments);
	TRY_ALLOC(to->arguments);
	for (size_t i = 0; i < from->n_argv; i++) {
		to->arguments[i] = strdup(from->argv[i]);
		TRY_ALLOC(to->arguments[i]);
		to->argument_count = i + 1;
	}
	return NULL;
}

error *parameters_of_response(bytes response, struct marblerun_parameters **ret,
			      struct blob *ret_state_mark)
{
	static const Rpc__Parameters nothing = RPC__PARAMETERS__INIT;
	CLEANUP(response_free) Rpc__ActivationResp *message =
		rpc__activation_resp__unpack(&wiping, response.size, response.data);
	CLEANUP(parameters_free) struct marblerun_parameters *p = calloc(1, sizeof *p);
	if (!message)
		return error_new(ERROR_INTERNAL, "the coordinator's answer is no rpc.ActivationResp");
	TRY_ALLOC(p);
	const Rpc__Parameters *from = message->parameters ? message->parameters : &nothing;
	TRY(copy_files(from, p));
	TRY(copy_environment(from, p));
	TRY(copy_arguments(from, p));
	TRY(blob_copy(bytes_of(message->statemark.data, message->statemark.len), ret_state_mark));
	*ret = TAKE(p);
	return NULL;
}

static void free_named(struct marblerun_named_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (values[i].data)
			explicit_bzero(values[i].data, values[i].size);
		free(values[i].data);
		free(values[i].name);
	}
	free(values);
}

void marblerun_parameters_free(struct marblerun_parameters *parameters)
{
	if (!parameters)
		return;
	free_named(parameters->files, parameters->file_count);
	free_named(parameters->environment, parameters->environment_count);
	for (size_t i = 0; i < parameters->argument_count; i++) {
		explicit_bzero(parameters->arguments[i], strlen(parameters->arguments[i]));
		free(parameters->arguments[i]);
	}
	free(parameters->arguments);
	free(parameters);
}
