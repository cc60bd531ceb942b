#include "counted_malloc.h"

#include <malloc.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

#define REPLACES_LIBC __attribute__((visibility("default")))

static long held, at_start, most;

long heap_held(void)
{
	return held;
}

void heap_watch(void)
{
	at_start = most = held;
}

long heap_most(void)
{
	return most - at_start;
}

static void *count(void *made)
{
	if (made)
		held += (long)malloc_usable_size(made);
	if (held > most)
		most = held;
	return made;
}

static void forget(void *old)
{
	if (old)
		held -= (long)malloc_usable_size(old);
}

REPLACES_LIBC void *malloc(size_t size)
{
	return count(__libc_malloc(size));
}

REPLACES_LIBC void *calloc(size_t n, size_t size)
{
	return count(__libc_calloc(n, size));
}

REPLACES_LIBC void *realloc(void *old, size_t size)
{
	forget(old);
	return count(__libc_realloc(old, size));
}

REPLACES_LIBC void free(void *old)
{
	forget(old);
	__libc_free(old);
}
