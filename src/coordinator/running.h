/* Which marbles were activated since the coordinator started: by type and by what their evidence says
 * of software and machine. It bounds itself: a marble that comes under 100,000 UUIDs takes no more
 * memory than one under a few hundred, from where on the number of instances is an estimate. A
 * marble that ends is not noticed; one that is activated again counts where it was seen last. */
#pragma once
#include <pthread.h>

#include "diff/diff.h"

enum {
	RUNNING_KINDS_MAX = 512, /* of type and claims; about 5 KB each */
	RUNNING_SAMPLE = 256,    /* UUIDs of a kind that are remembered, by 64 bits of a keyed digest */
};

struct running_kind;
struct running {
	pthread_mutex_t lock;
	uint8_t key[32]; /* random: nobody can choose UUIDs for their digests */
	struct running_kind **kinds;
	size_t count;
	bool incomplete; /* another kind had no room */
};
error *running_init(struct running *r) MUST_USE;
void running_free(struct running *r);
/* Notes an activation; `verdict` NULL: without evidence. Never fails: without memory it is incomplete. */
void running_note(struct running *r, const char *type, const char *uuid,
		  const struct marblerun_verdict *verdict);
/* What is known, as a copy. */
struct running_view {
	struct running_marble *marbles;
	size_t count;
	bool incomplete;
};
error *running_look(struct running *r, struct running_view *ret) MUST_USE;
void running_view_free(struct running_view *view);
DEFINE_CLEANUP_IN_PLACE(running_view_free, struct running_view)
