#include "store/backend.h"

static error *memory_commit(void *context, const struct change *changes, size_t count,
			    const struct store_head *head)
{
	(void)context, (void)changes, (void)count, (void)head;
	return NULL; /* the store's own map is all there is */
}

static void memory_close(void *context)
{
	(void)context;
}

error *store_open_memory(struct store **ret)
{
	static const struct store_backend memory = { .commit = memory_commit, .close = memory_close };
	return store_new(&memory, NULL, NULL, NULL, ret);
}
