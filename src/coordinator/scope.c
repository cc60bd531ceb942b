#include "coordinator/scope.h"

#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/pem.h"
#include "secrets/derive.h"
#include "secrets/generate.h"

/* What a template value of kind VALUE_OBJECT is. */
enum object_type {
	OBJECT_DOT,
	OBJECT_MARBLERUN,
	OBJECT_PREVIOUS,
	OBJECT_SECRETS,     /* object: struct marble_secrets */
	OBJECT_SECRET,      /* object: struct secret_value, as the following */
	OBJECT_CERTIFICATE,
	OBJECT_PUBLIC,
	OBJECT_PRIVATE,
};

static struct value object_of(enum object_type type, const void *object)
{
	return (struct value){ .kind = VALUE_OBJECT, .object = object, .object_type = type };
}

/* A symmetric key or plain data is its own public part, as templates of the public contract see it. */
static bytes public_view(const struct secret_value *v)
{
	bool has_key_pair = v->public_part.size || v->certificate.size;
	return has_key_pair ? blob_view(&v->public_part) : secret_view(&v->private_part);
}

/* Something to print where the true value is not there before a marble comes. */
static error *make_stand_in(const struct secret_definition *definition, struct secret_value *ret)
{
	static const uint8_t letter = 'A';
	bool certificate = definition->type >= SECRET_CERT_RSA;
	CLEANUP(secret_value_free) struct secret_value v = { .definition = definition, .is_set = true };
	TRY(secret_copy(bytes_of(&letter, 1), &v.private_part));
	if (certificate) {
		TRY(blob_copy(bytes_of(&letter, 1), &v.public_part));
		TRY(blob_copy(bytes_of(&letter, 1), &v.certificate));
	}
	*ret = v;
	v = (struct secret_value){ 0 };
	return NULL;
}

static error *make_own(struct scope *scope, const struct marble_secrets *which,
		       const struct secret_definition *definition, struct secret_value *ret)
{
	if (scope->dry_run)
		return make_stand_in(definition, ret);
	if (definition->type == SECRET_SYMMETRIC_KEY)
		return secret_derive(definition, secret_view(&which->set->root_secret), scope->uuid,
				     scope->binding, ret);
	return secret_generate(definition, scope->ca, scope->now, ret);
}

error *scope_secret(struct scope *scope, struct marble_secrets *which, size_t index,
		    const struct secret_value **ret)
{
	const struct secret_definition *definition = &which->set->definitions[index];
	const struct secret_value *lasting = &which->set->values[index];
	struct secret_value *own = &which->own[index];
	bool lasts = definition->shared || definition->user_defined;
	if (lasting->is_set || (lasts && !scope->dry_run)) {
		*ret = lasting; /* perhaps not set: the functions say so */
		return NULL;
	}
	if (!lasts && secret_is_slow(definition))
		scope->touched_slow = true;
	if (!own->is_set) {
		TRY_CTX(make_own(scope, which, definition, own), "secret \"%s\"", definition->name);
		own->is_set = true;
	}
	*ret = own;
	return NULL;
}

static error *field_of_dot(struct scope *scope, bytes name, struct value *ret)
{
	if (bytes_equal_string(name, "MarbleRun"))
		*ret = object_of(OBJECT_MARBLERUN, scope);
	else if (bytes_equal_string(name, "Secrets"))
		*ret = object_of(OBJECT_SECRETS, &scope->current);
	else if (bytes_equal_string(name, "Previous"))
		*ret = object_of(OBJECT_PREVIOUS, scope);
	else
		return error_new(ERROR_INVALID, "there is no .%.*s; .MarbleRun, .Secrets and .Previous "
				 "are there", (int)name.size, (const char *)name.data);
	return NULL;
}

static error *field_of_previous(struct scope *scope, bytes name, struct value *ret)
{
	if (!bytes_equal_string(name, "Secrets"))
		return error_new(ERROR_INVALID, "there is no .Previous.%.*s; .Previous.Secrets is there",
				 (int)name.size, (const char *)name.data);
	*ret = object_of(OBJECT_SECRETS, scope->previous.set ? &scope->previous : &scope->current);
	return NULL;
}

static error *field_of_marblerun(struct scope *scope, bytes name, struct value *ret)
{
	static const char *const names[RESERVED_COUNT] = { "RootCA", "MarbleCert", "CoordinatorRoot",
							   "CoordinatorIntermediate" };
	for (size_t i = 0; i < RESERVED_COUNT; i++) {
		if (bytes_equal_string(name, names[i])) {
			*ret = object_of(OBJECT_SECRET, &scope->reserved[i]);
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "there is no .MarbleRun.%.*s; RootCA, MarbleCert, "
			 "CoordinatorRoot and CoordinatorIntermediate are there",
			 (int)name.size, (const char *)name.data);
}

static error *key_of_secrets(struct scope *scope, const struct marble_secrets *which, bytes name,
			     struct value *ret)
{
	const struct secret_value *v;
	size_t index;
	if (!secret_set_find(which->set, name, &index)) {
		*ret = (struct value){ .kind = VALUE_NOTHING };
		return NULL;
	}
	bool is_current = which == &scope->current;
	TRY(scope_secret(scope, is_current ? &scope->current : &scope->previous, index, &v));
	*ret = object_of(OBJECT_SECRET, v);
	return NULL;
}

static error *field_of_secret(const struct value *secret, bytes name, struct value *ret)
{
	if (bytes_equal_string(name, "Cert"))
		*ret = object_of(OBJECT_CERTIFICATE, secret->object);
	else if (bytes_equal_string(name, "Public"))
		*ret = object_of(OBJECT_PUBLIC, secret->object);
	else if (bytes_equal_string(name, "Private"))
		*ret = object_of(OBJECT_PRIVATE, secret->object);
	else
		return error_new(ERROR_INVALID, "a secret has no .%.*s; .Cert, .Public and .Private are "
				 "there", (int)name.size, (const char *)name.data);
	return NULL;
}

static error *scope_field(void *context, const struct value *object, bytes name, struct value *ret)
{
	struct scope *scope = context;
	switch ((enum object_type)object->object_type) {
	case OBJECT_DOT:
		return field_of_dot(scope, name, ret);
	case OBJECT_MARBLERUN:
		return field_of_marblerun(scope, name, ret);
	case OBJECT_PREVIOUS:
		return field_of_previous(scope, name, ret);
	case OBJECT_SECRETS:
		return key_of_secrets(scope, object->object, name, ret);
	case OBJECT_SECRET:
		return field_of_secret(object, name, ret);
	case OBJECT_CERTIFICATE:
	case OBJECT_PUBLIC:
	case OBJECT_PRIVATE:
		break;
	}
	return error_new(ERROR_INVALID, "keys and certificates have no .%.*s", (int)name.size,
			 (const char *)name.data);
}

static error *scope_key(void *context, const struct value *object, size_t n, bytes *name, bool *end)
{
	(void)context;
	if (object->object_type != OBJECT_SECRETS)
		return error_new(ERROR_INVALID, "range goes over .Secrets only");
	const struct marble_secrets *which = object->object;
	*end = n >= which->set->count;
	if (!*end)
		*name = bytes_of_string(which->set->definitions[n].name);
	return NULL;
}

/* The bytes that pem, hex, base64 and raw encode. */
static error *content_of(const struct value *argument, const char **label, bytes *ret)
{
	if (argument->kind == VALUE_NOTHING)
		return error_new(ERROR_INVALID, "secret does not exist");
	if (argument->kind != VALUE_OBJECT || argument->object_type < OBJECT_SECRET)
		return error_new(ERROR_INVALID, "a secret, key or certificate is expected");
	const struct secret_value *v = argument->object;
	*label = NULL;
	switch ((enum object_type)argument->object_type) {
	case OBJECT_CERTIFICATE:
		*label = "CERTIFICATE";
		*ret = blob_view(&v->certificate);
		break;
	case OBJECT_PRIVATE:
		*label = "PRIVATE KEY";
		*ret = secret_view(&v->private_part);
		break;
	case OBJECT_PUBLIC:
		*label = "PUBLIC KEY";
		*ret = public_view(v);
		break;
	default:
		*ret = public_view(v);
		break;
	}
	if (ret->size)
		return NULL;
	if (v->definition && v->definition->user_defined && !v->is_set)
		return error_new(ERROR_WRONG_STATE, "secret \"%s\" is user-defined and has not been "
				 "uploaded yet", v->definition->name);
	return error_new(ERROR_INVALID, "the secret has no such part");
}

static error *call_pem(const struct value *argument, struct writer *text)
{
	const char *label;
	bytes content;
	TRY(content_of(argument, &label, &content));
	if (!label)
		return error_new(ERROR_INVALID, "pem needs .Cert, .Public or .Private of a secret");
	write_pem(text, label, content);
	return NULL;
}

static error *call_encoding(void (*encode)(struct writer *, bytes), const struct value *argument,
			    struct writer *text)
{
	const char *label;
	bytes content;
	TRY(content_of(argument, &label, &content));
	encode(text, content);
	return NULL;
}

static error *call_hex(const struct value *argument, struct writer *text)
{
	return call_encoding(write_hex, argument, text);
}

static error *call_base64(const struct value *argument, struct writer *text)
{
	return call_encoding(write_base64, argument, text);
}

static error *call_raw(const struct value *argument, struct writer *text)
{
	return call_encoding(write_bytes, argument, text);
}

/* An environment variable ends at its first NUL, and only what a user uploaded is known to be text. */
static error *call_string(const struct value *argument, struct writer *text)
{
	const struct secret_value *v = argument->object;
	bool is_secret = argument->kind == VALUE_OBJECT && argument->object_type == OBJECT_SECRET;
	if (argument->kind == VALUE_NOTHING)
		return error_new(ERROR_INVALID, "secret does not exist");
	if (!is_secret || !v->definition || v->definition->type != SECRET_PLAIN)
		return error_new(ERROR_INVALID, "string is for secrets of type plain only");
	if (v->private_part.size && memchr(v->private_part.data, 0, v->private_part.size))
		return error_new(ERROR_INVALID, "secret \"%s\" contains a NUL byte, which no environment "
				 "variable can hold", v->definition->name);
	return call_raw(argument, text);
}

struct function {
	const char *name;
	error *(*call)(const struct value *argument, struct writer *text);
};
static const struct function file_functions[] = {
	{ "pem", call_pem }, { "hex", call_hex }, { "base64", call_base64 }, { "raw", call_raw }
};
static const struct function environment_functions[] = {
	{ "pem", call_pem }, { "hex", call_hex }, { "base64", call_base64 }, { "string", call_string }
};

static const struct function *find_function(const struct function *functions, bytes name)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_functions); i++)
		if (bytes_equal_string(name, functions[i].name))
			return &functions[i];
	return NULL;
}

static bool has_file_function(void *context, bytes name)
{
	(void)context;
	return find_function(file_functions, name);
}

static bool has_environment_function(void *context, bytes name)
{
	(void)context;
	return find_function(environment_functions, name);
}

static error *call(const struct function *f, const struct value *arguments, size_t count,
		   struct writer *text)
{
	if (count != 1)
		return error_new(ERROR_INVALID, "%s takes one secret, %zu arguments are given", f->name,
				 count);
	TRY_CTX(f->call(arguments, text), "%s", f->name);
	return NULL;
}

static error *call_file_function(void *context, bytes name, const struct value *arguments,
				 size_t count, struct writer *text)
{
	(void)context;
	return call(find_function(file_functions, name), arguments, count, text);
}

static error *call_environment_function(void *context, bytes name, const struct value *arguments,
					size_t count, struct writer *text)
{
	(void)context;
	return call(find_function(environment_functions, name), arguments, count, text);
}

static bool scope_truth(void *context, const struct value *object)
{
	(void)context;
	const struct secret_value *v = object->object;
	switch ((enum object_type)object->object_type) {
	case OBJECT_SECRETS:
		return ((const struct marble_secrets *)object->object)->set->count > 0;
	case OBJECT_PUBLIC:
		return public_view(v).size > 0;
	case OBJECT_PRIVATE:
		return v->private_part.size > 0;
	default:
		return true;
	}
}

static error *scope_print(void *context, const struct value *object, struct writer *text)
{
	(void)context, (void)object, (void)text;
	return error_new(ERROR_INVALID, "a secret is not text: encode it with pem, hex, base64, raw "
			 "(files) or string (environment)");
}

struct value scope_dot(const struct scope *scope)
{
	return object_of(OBJECT_DOT, scope);
}

void scope_for(struct scope *scope, enum parameter_place place)
{
	bool file = place == PLACE_FILE;
	scope->template_scope = (struct template_scope){
		.context = scope,
		.field = scope_field,
		.key = scope_key,
		.truth = scope_truth,
		.has_function = file ? has_file_function : has_environment_function,
		.call = file ? call_file_function : call_environment_function,
		.print = scope_print,
	};
}

static error *marble_secrets_init(struct marble_secrets *secrets, const struct secret_set *set)
{
	if (!set)
		return NULL;
	secrets->own = calloc(set->count ? set->count : 1, sizeof *secrets->own);
	TRY_ALLOC(secrets->own);
	secrets->set = set;
	return NULL;
}

error *scope_init(struct scope *scope, const struct ca *ca, const struct secret_set *current,
		  const struct secret_set *previous)
{
	*scope = (struct scope){ .ca = ca, .uuid = "", .binding = "" };
	error *e = marble_secrets_init(&scope->current, current);
	if (!e)
		e = marble_secrets_init(&scope->previous, previous);
	if (e)
		scope_free(scope);
	return e;
}

static void marble_secrets_free(struct marble_secrets *secrets)
{
	for (size_t i = 0; secrets->own && i < secrets->set->count; i++)
		secret_value_free(&secrets->own[i]);
	free(secrets->own);
}

void scope_free(struct scope *scope)
{
	for (size_t i = 0; i < RESERVED_COUNT; i++)
		secret_value_free(&scope->reserved[i]);
	marble_secrets_free(&scope->current);
	marble_secrets_free(&scope->previous);
	*scope = (struct scope){ 0 };
}
