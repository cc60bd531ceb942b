#include "base/nearest.h"

#include <ctype.h>

enum { COMPARED = 40 }; /* letters; no name of ours is as long */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to insert, remove or replace to get from one name to the other (Levenshtein), without
 * regard to case. */
static unsigned edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	unsigned row[COMPARED + 1];
	if (a_size > COMPARED || b_size > COMPARED)
		return COMPARED;
	for (size_t j = 0; j <= b_size; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; i < a_size; i++) {
		unsigned diagonal = row[0];
		row[0]++;
		for (size_t j = 0; j < b_size; j++) {
			bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
			unsigned changed = least(least(row[j], row[j + 1]) + 1, diagonal + !same);
			diagonal = row[j + 1];
			row[j + 1] = changed;
		}
	}
	return row[b_size];
}

void nearest_try(struct nearest *n, const char *name, size_t size)
{
	unsigned distance = edit_distance(n->typed, n->size, name, size);
	if (n->name && distance >= n->distance)
		return;
	n->name = name;
	n->name_size = size;
	n->distance = distance;
}

bool nearest_found(const struct nearest *n)
{
	return n->name && n->distance <= 1 + n->name_size / 4;
}
