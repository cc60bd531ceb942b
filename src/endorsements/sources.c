#include "endorsements/sources.h"

#include <stdlib.h>

struct from {
	const struct endorsements *source;
	void *hold;
};

static error *get(void *context, bytes evidence, const struct marblerun_collateral **ret, void **ret_hold)
{
	struct endorsement_sources *s = context;
	struct from *from = calloc(1, sizeof *from);
	error *e = NULL;
	TRY_ALLOC(from);
	for (size_t i = 0; i < s->count; i++) {
		error_free(e);
		from->source = &s->items[i];
		e = from->source->get(from->source->context, evidence, ret, &from->hold);
		if (!e) {
			*ret_hold = from;
			return NULL;
		}
	}
	free(from);
	return e ? e : error_new(ERROR_UNAVAILABLE, "no endorsements are configured");
}

static void release(void *context, void *hold)
{
	struct from *from = hold;
	(void)context;
	from->source->release(from->source->context, from->hold);
	free(from);
}

struct endorsements endorsement_sources_use(struct endorsement_sources *sources)
{
	return (struct endorsements){ sources, get, release };
}
