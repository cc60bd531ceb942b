/* What the manifest gives: to be read in the same way with and without the launcher; and to be wiped. */
#include "base/file.h"
#include "marble/marble.h"
#include "marble/reason.h"

enum { FILE_SIZE_MAX = 64 << 20 };

static error *copy(bytes from, struct marblerun_secret *ret)
{
	size_t size;
	if (__builtin_add_overflow(from.size, (size_t)1, &size))
		return error_no_memory();
	uint8_t *data = calloc(1, size);
	TRY_ALLOC(data);
	if (from.size)
		memcpy(data, from.data, from.size);
	*ret = (struct marblerun_secret){ data, from.size };
	return NULL;
}

static error *copy_named(const struct marblerun_named_value *values, size_t count, const char *what,
			 const char *name, struct marblerun_secret *ret)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(values[i].name, name) == 0)
			return copy(bytes_of(values[i].data, values[i].size), ret);
	return error_new(ERROR_NOT_FOUND, "the manifest gives this marble no %s \"%s\"", what, name);
}

static error *variable(const marblerun_marble *m, const char *name, struct marblerun_secret *ret)
{
	const struct marblerun_parameters *given = m->parameters;
	if (given)
		return copy_named(given->environment, given->environment_count, "variable", name, ret);
	const char *value = getenv(name);
	if (!value)
		return error_new(ERROR_NOT_FOUND, "the environment has no variable \"%s\"", name);
	return copy(bytes_of_string(value), ret);
}

static error *file(const marblerun_marble *m, const char *path, struct marblerun_secret *ret)
{
	const struct marblerun_parameters *given = m->parameters;
	CLEANUP(secret_free) struct secret content = { 0 };
	if (given)
		return copy_named(given->files, given->file_count, "file", path, ret);
	TRY(file_read_secret(path, FILE_SIZE_MAX, &content));
	return copy(secret_view(&content), ret);
}

int marblerun_marble_variable(const marblerun_marble *marble, const char *name, struct marblerun_secret *ret,
			      char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(variable(marble, name, ret), reason);
}

int marblerun_marble_file(const marblerun_marble *marble, const char *path, struct marblerun_secret *ret,
			  char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(file(marble, path, ret), reason);
}

void marblerun_wipe(void *data, size_t size)
{
	if (size)
		explicit_bzero(data, size);
}

void marblerun_secret_free(struct marblerun_secret *secret)
{
	if (!secret)
		return;
	marblerun_wipe(secret->data, secret->size);
	free(secret->data);
	*secret = (struct marblerun_secret){ 0 };
}

void marblerun_environment_forget(const char *name)
{
	char *value = getenv(name);
	if (!value)
		return;
	explicit_bzero(value, strlen(value));
	unsetenv(name);
}
