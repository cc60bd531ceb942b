#include "ttls/heap.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks of 2^n and 1.5 * 2^n bytes, header included; what is larger than the last class has a mapping of its
 * own. */
enum { HEADER = 16, SMALLEST = 32, CLASSES = 24, CHUNK = 256 << 10 };

struct block {
	size_t size;        /* whole */
	struct block *next; /* while free */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *spare[CLASSES];
/* Blocks are cut from these, which are never given back. */
struct chunk {
	struct chunk *next;
};
static struct chunk *chunks;
static uint8_t *chunk;
static size_t chunk_left;
static _Atomic size_t in_use;

static size_t class_size(unsigned class)
{
	size_t power = (size_t)SMALLEST << (class / 2);
	return class % 2 ? power + power / 2 : power;
}

static unsigned class_of(size_t size)
{
	unsigned class = 0;
	while (class < CLASSES && class_size(class) < size)
		class++;
	return class;
}

void heap_protect(void *mapping, size_t size)
{
	(void)!mlock(mapping, size);
	madvise(mapping, size, MADV_DONTDUMP);
}

static void *map(size_t size)
{
	void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED)
		return NULL;
	heap_protect(mapping, size);
	return mapping;
}

static struct block *new_block(size_t size)
{
	if (size > chunk_left) {
		uint8_t *more = map(CHUNK);
		if (!more)
			return NULL;
		((struct chunk *)(void *)more)->next = chunks;
		chunks = (void *)more;
		chunk = more + HEADER;
		chunk_left = CHUNK - HEADER;
	}
	struct block *block = (void *)chunk;
	chunk += size;
	chunk_left -= size;
	block->size = size;
	return block;
}

void *heap_alloc(size_t size)
{
	struct block *block;
	if (size > SIZE_MAX - HEADER - 4096)
		return NULL;
	size += HEADER;
	unsigned class = class_of(size);
	if (class == CLASSES) {
		size = (size + 4095) & ~(size_t)4095;
		block = map(size);
		if (block)
			block->size = size;
		in_use += block != NULL;
		return block ? (uint8_t *)block + HEADER : NULL;
	}
	pthread_mutex_lock(&lock);
	block = spare[class];
	if (block)
		spare[class] = block->next;
	else
		block = new_block(class_size(class));
	pthread_mutex_unlock(&lock);
	in_use += block != NULL;
	return block ? (uint8_t *)block + HEADER : NULL;
}

size_t heap_in_use(void)
{
	return in_use;
}

void heap_free(void *memory)
{
	if (!memory)
		return;
	struct block *block = (void *)((uint8_t *)memory - HEADER);
	unsigned class = class_of(block->size);
	in_use--;
	explicit_bzero(memory, block->size - HEADER);
	if (class == CLASSES) {
		munmap(block, block->size);
		return;
	}
	pthread_mutex_lock(&lock);
	block->next = spare[class];
	spare[class] = block;
	pthread_mutex_unlock(&lock);
}

void *heap_resize(void *memory, size_t size)
{
	if (!memory)
		return heap_alloc(size);
	struct block *block = (void *)((uint8_t *)memory - HEADER);
	size_t had = block->size - HEADER;
	if (size <= had)
		return memory;
	void *larger = heap_alloc(size);
	if (larger) {
		memcpy(larger, memory, had);
		heap_free(memory);
	}
	return larger;
}

static void *alloc_for_openssl(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return size ? heap_alloc(size) : NULL;
}

static void *resize_for_openssl(void *memory, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return heap_resize(memory, size);
}

static void free_for_openssl(void *memory, const char *file, int line)
{
	(void)file, (void)line;
	heap_free(memory);
}

bool heap_serve_openssl(void)
{
	return CRYPTO_set_mem_functions(alloc_for_openssl, resize_for_openssl, free_for_openssl) == 1;
}

/* Locks are not inherited (mlock(2)). Without a copy of what the child has in common with its parent. */
void heap_protect_in_child(void)
{
	for (struct chunk *c = chunks; c; c = c->next)
		(void)!mlock2(c, CHUNK, MLOCK_ONFAULT);
}

void heap_lock(void)
{
	pthread_mutex_lock(&lock);
}

void heap_unlock(void)
{
	pthread_mutex_unlock(&lock);
}
