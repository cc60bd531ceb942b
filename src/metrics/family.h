/* A family as the table sees it. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "metrics/metrics.h"

enum { FAMILY_BUCKETS = 256 };

/* Never freed or moved before its family, so that whoever has found it may keep it. */
struct metric_series {
	const struct metric_definition *definition;
	struct metric_series *same_bucket; /* set before it is published, */
	_Atomic(struct metric_series *) next; /* of the family, in the order of their making */
	uint64_t hash;
	char *labels;      /* as they are shown: name="value",… with escapes */
	size_t labels_size;
	_Atomic double value;          /* gauge; histogram: sum */
	_Atomic uint64_t count;        /* counter */
	_Atomic uint64_t buckets[METRIC_BOUNDS_MAX + 1]; /* histogram: not cumulative; last: above all */
};

struct metric {
	const struct metric_definition *definition;
	void *context;
	size_t label_count;
	/* Found without a lock: series are only ever added. */
	_Atomic(struct metric_series *) table[FAMILY_BUCKETS];
	_Atomic(struct metric_series *) first;
	struct metric_series *last; /* the lock's, as is all below */
	pthread_mutex_t lock;
	size_t count, strangers, partly_other;
	struct metric_series other; /* all labels METRIC_OTHER: needs no memory when it is needed */
	bool other_shown;
};

error *family_new(const struct metric_definition *definition, void *context, struct metric **ret) MUST_USE;
void family_free(struct metric *m);
void family_write(const struct metric *m, struct writer *w);
