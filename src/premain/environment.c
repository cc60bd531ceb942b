#include "premain/environment.h"

#include <stdbool.h>
#include <string.h>

/* What the launcher can't provide must not silently be left out: the services behind it would talk in
 * the clear. */
static error *refuse_transparent_tls(const struct marblerun_named_value *value)
{
	if (strcmp(value->name, "MARBLE_TTLS_CONFIG") != 0)
		return NULL;
	return error_new(ERROR_UNSUPPORTED, "the manifest gives this marble TLS tags, and this launcher "
			 "can't encrypt the program's connections: remove TLS from its entry in the "
			 "manifest, and use the certificate in MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN");
}

static error *check(const struct marblerun_named_value *value)
{
	if (!*value->name || strchr(value->name, '='))
		return error_new(ERROR_INVALID, "the manifest's Env holds \"%s\": a name that is not empty "
				 "and has no '=' is expected", value->name);
	if (memchr(value->data, 0, value->size))
		return error_new(ERROR_INVALID, "the manifest's Env gives %s a value with a NUL byte, which "
				 "no environment variable can hold", value->name);
	return refuse_transparent_tls(value);
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

static bool is_overruled(const char *entry, const struct marblerun_parameters *given)
{
	size_t name = strcspn(entry, "=");
	for (size_t i = 0; i < given->environment_count; i++)
		if (strlen(given->environment[i].name) == name &&
		    memcmp(given->environment[i].name, entry, name) == 0)
			return true;
	return false;
}

error *environment_build(char **inherited, const struct marblerun_parameters *given,
			 struct environment *ret)
{
	CLEANUP(environment_free) struct environment made = { 0 };
	size_t count = 0, size;
	while (inherited[count])
		count++;
	if (__builtin_add_overflow(count, given->environment_count, &size))
		return error_no_memory();
	made.entries = calloc(size + 1, sizeof *made.entries);
	TRY_ALLOC(made.entries);
	for (size_t i = 0; i < given->environment_count; i++) {
		TRY(check(&given->environment[i]));
		TRY(print(&given->environment[i], &made.entries[i]));
		made.given = i + 1;
	}
	size_t next = made.given;
	for (size_t i = 0; i < count; i++)
		if (!is_overruled(inherited[i], given))
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
