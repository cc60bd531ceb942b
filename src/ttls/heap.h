/* Memory for keys and what is made from them: never swapped out, never in a core file, apart from the host
 * program's own heap. All that the data plane's OpenSSL allocates lies here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Before any use of OpenSSL. */
bool heap_serve_openssl(void);
void *heap_alloc(size_t size);
void *heap_resize(void *memory, size_t size);
/* Zeroes it. NULL is accepted. */
void heap_free(void *memory);
/* Locks the pages of a mapping and keeps it out of core files, as far as the limits of the process let it. */
void heap_protect(void *mapping, size_t size);
/* Blocks that are not given back yet. */
size_t heap_in_use(void);
/* After fork. */
void heap_protect_in_child(void);
/* Around fork. */
void heap_lock(void);
void heap_unlock(void);
