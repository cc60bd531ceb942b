#include "premain/environment.h"

#include <stdbool.h>
#include <string.h>

static error *check(const struct marblerun_named_value *value)
{
	if (!*value->name || strchr(value->name, '='))
		return error_new(ERROR_INVALID, "the manifest's Env holds \"%s\": a name that is not empty "
				 "and has no '=' is expected", value->name);
	if (memchr(value->data, 0, value->size))
		return error_new(ERROR_INVALID, "the manifest's Env gives %s a value with a NUL byte, which "
				 "no environment variable can hold", value->name);
	return NULL;
}

static error *print(const struct marblerun_named_value *value, char **ret)
{
	size_t name = strlen(value->name), size;
	if (__builtin_add_overflow(name, value->size, &size) || __builtin_add_overflow(size, 2, &size))
		return error_no_memory();
	char *entry = calloc(1, size);
	TRY_ALLOC(entry);
	memcpy(entry, value->name, name);
	entry[name] = '=';
	if (value->size)
		memcpy(entry + name + 1, value->data, value->size);
	*ret = entry;
	return NULL;
}

/* The loader obeys these before the data plane is there: they come from the manifest, or not at all. */
static bool is_for_loader(const char *entry)
{
	return strncmp(entry, "LD_", 3) == 0 || strncmp(entry, "GLIBC_TUNABLES=", 15) == 0 ||
	       strncmp(entry, HANDOVER_VARIABLE "=", sizeof HANDOVER_VARIABLE) == 0;
}

static bool is_overruled(const char *entry, const struct marblerun_parameters *given,
			 const struct data_plane *plane)
{
	if (plane->wanted && is_for_loader(entry))
		return true;
	size_t name = strcspn(entry, "=");
	for (size_t i = 0; i < given->environment_count; i++)
		if (strlen(given->environment[i].name) == name &&
		    memcmp(given->environment[i].name, entry, name) == 0)
			return true;
	return false;
}

/* The keys in MARBLE_TTLS_CONFIG go to the data plane and not into the environment. */
static bool is_for_plane(const struct marblerun_named_value *value)
{
	return strcmp(value->name, "MARBLE_TTLS_CONFIG") == 0;
}

static error *add_plane(const struct data_plane *plane, struct environment *made)
{
	const char *const entries[] = { plane->preload, plane->handover.variable };
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		made->entries[made->given] = strdup(entries[i]);
		TRY_ALLOC(made->entries[made->given]);
		made->given++;
	}
	return NULL;
}

error *environment_build(char **inherited, const struct marblerun_parameters *given, const struct data_plane *plane,
			 struct environment *ret)
{
	CLEANUP(environment_free) struct environment made = { 0 };
	size_t count = 0, size;
	while (inherited[count])
		count++;
	if (__builtin_add_overflow(count, given->environment_count + 2, &size))
		return error_no_memory();
	made.entries = calloc(size + 1, sizeof *made.entries);
	TRY_ALLOC(made.entries);
	if (plane->wanted)
		TRY(add_plane(plane, &made));
	for (size_t i = 0; i < given->environment_count; i++) {
		TRY(check(&given->environment[i]));
		if (plane->wanted && is_for_plane(&given->environment[i]))
			continue;
		TRY(print(&given->environment[i], &made.entries[made.given]));
		made.given++;
	}
	size_t next = made.given;
	for (size_t i = 0; i < count; i++)
		if (!is_overruled(inherited[i], given, plane))
			made.entries[next++] = inherited[i];
	*ret = made;
	made = (struct environment){ 0 };
	return NULL;
}

void environment_free(struct environment *environment)
{
	for (size_t i = 0; i < environment->given; i++) {
		explicit_bzero(environment->entries[i], strlen(environment->entries[i]));
		free(environment->entries[i]);
	}
	free(environment->entries);
	*environment = (struct environment){ 0 };
}
