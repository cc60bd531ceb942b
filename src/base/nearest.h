/* Which of the known names a mistyped one was meant to be. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct nearest {
	const char *typed;
	size_t size;       /* of what was typed */
	const char *name;  /* the nearest so far; NULL: none yet. Borrowed */
	size_t name_size;
	unsigned distance;
};

/* `size` characters of `name` are one of the known names. */
void nearest_try(struct nearest *n, const char *name, size_t size);
/* Is the nearest near enough to be what was meant? */
bool nearest_found(const struct nearest *n);
