#include "store/map.h"

#include <search.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct map_entry *)a)->name, ((const struct map_entry *)b)->name);
}

static void entry_free(void *owned)
{
	struct map_entry *entry = owned;
	if (!entry)
		return;
	secret_free(&entry->value);
	free(entry->name);
	free(entry);
}

/* The key that tfind wants; it only reads the name. */
static struct map_entry *find_node(const struct map *map, const char *name)
{
	union {
		const char *given;
		char *wanted;
	} same = { .given = name };
	struct map_entry key = { .name = same.wanted };
	struct map_entry *const *node = tfind(&key, (void *const *)&map->root, compare_names);
	return node ? *node : NULL;
}

struct map_entry *map_find(const struct map *map, const char *name)
{
	return find_node(map, name);
}

error *map_put(struct map *map, const char *name, struct secret *value, bool deleted)
{
	struct map_entry *entry = find_node(map, name);
	if (!entry) {
		entry = calloc(1, sizeof *entry);
		TRY_ALLOC(entry);
		entry->name = strdup(name);
		if (!entry->name || !tsearch(entry, &map->root, compare_names)) {
			entry_free(entry);
			return error_no_memory();
		}
		map->count++;
	}
	secret_free(&entry->value);
	entry->value = secret_take(value);
	entry->deleted = deleted;
	return NULL;
}

void map_remove(struct map *map, const char *name)
{
	struct map_entry *entry = find_node(map, name);
	if (!entry)
		return;
	tdelete(entry, &map->root, compare_names);
	map->count--;
	entry_free(entry);
}

struct walk {
	error *(*visit)(void *context, struct map_entry *entry);
	void *context;
	error *failure;
};

static void walk_node(const void *node, VISIT which, void *closure)
{
	struct walk *walk = closure;
	if (!walk->failure && (which == postorder || which == leaf))
		walk->failure = walk->visit(walk->context, *(struct map_entry *const *)node);
}

error *map_each(const struct map *map, error *(*visit)(void *context, struct map_entry *entry),
		void *context)
{
	struct walk walk = { visit, context, NULL };
	twalk_r(map->root, walk_node, &walk);
	return walk.failure;
}

void map_clear(struct map *map)
{
	tdestroy(map->root, entry_free);
	*map = (struct map){ 0 };
}
