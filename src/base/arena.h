/* Memory for one request or one document: bounded, released at once. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

struct arena_block;
struct arena {
	struct arena_block *newest;
	size_t used;  /* bytes handed out */
	size_t limit; /* most bytes it hands out; 0: only memory limits it */
};

/* `count` × `size` zero bytes, aligned for any type; NULL when over the limit or out of memory. */
void *arena_alloc(struct arena *a, size_t count, size_t size);
/* Copies; NULL as above. The text copy ends in NUL. */
char *arena_string(struct arena *a, bytes text);
char *arena_format(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_free(struct arena *a);
DEFINE_CLEANUP_IN_PLACE(arena_free, struct arena)
