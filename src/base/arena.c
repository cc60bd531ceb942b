#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { ARENA_BLOCK = 4096 };

struct arena_block {
	struct arena_block *older;
	size_t used;
	size_t capacity;
	_Alignas(max_align_t) uint8_t data[];
};

static struct arena_block *arena_grow(struct arena *a, size_t size)
{
	size_t capacity = size > ARENA_BLOCK ? size : ARENA_BLOCK, total;
	if (__builtin_add_overflow(capacity, sizeof(struct arena_block), &total))
		return NULL;
	struct arena_block *block = malloc(total);
	if (!block)
		return NULL;
	*block = (struct arena_block){ .older = a->newest, .capacity = capacity };
	a->newest = block;
	return block;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	size_t wanted, total;
	if (__builtin_mul_overflow(count, size, &wanted) ||
	    __builtin_add_overflow(wanted, _Alignof(max_align_t) - 1, &wanted))
		return NULL;
	wanted &= ~(_Alignof(max_align_t) - 1);
	if (__builtin_add_overflow(a->used, wanted, &total) || (a->limit && total > a->limit))
		return NULL;
	struct arena_block *block = a->newest;
	if (!block || block->capacity - block->used < wanted)
		block = arena_grow(a, wanted);
	if (!block)
		return NULL;
	void *memory = block->data + block->used;
	block->used += wanted;
	a->used = total;
	return memset(memory, 0, wanted);
}

char *arena_string(struct arena *a, bytes text)
{
	size_t size;
	if (__builtin_add_overflow(text.size, (size_t)1, &size))
		return NULL;
	char *copy = arena_alloc(a, 1, size);
	if (copy && text.size)
		memcpy(copy, text.data, text.size);
	return copy;
}

char *arena_format(struct arena *a, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return NULL;
	char *copy = arena_string(a, bytes_of(text, (size_t)length));
	free(text);
	return copy;
}

void arena_free(struct arena *a)
{
	while (a->newest) {
		struct arena_block *block = a->newest;
		a->newest = block->older;
		/* A request's memory may have held parts of secrets. */
		explicit_bzero(block->data, block->used);
		free(block);
	}
	a->used = 0;
}
