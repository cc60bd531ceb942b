/* Names and values in byte order of the names. Values are wiped when they go. */
#pragma once
#include "base/secret.h"

struct map_entry {
	char *name;
	struct secret value;
	bool deleted; /* in a transaction: the name is to go */
};

struct map {
	void *root; /* tsearch's */
	size_t count;
};

/* NULL when there is none. */
struct map_entry *map_find(const struct map *map, const char *name);
/* Takes `value` over on success; replaces what was there. */
error *map_put(struct map *map, const char *name, struct secret *value, bool deleted) MUST_USE;
void map_remove(struct map *map, const char *name);
/* Calls for each entry in order; stops at an error. The map must not change meanwhile. */
error *map_each(const struct map *map, error *(*visit)(void *context, struct map_entry *entry),
		void *context) MUST_USE;
void map_clear(struct map *map);
