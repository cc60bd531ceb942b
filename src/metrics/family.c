#include "metrics/family.h"

#include <math.h>

#include "metrics/label.h"

/* Series with METRIC_OTHER for their last label, in addition to the others. */
enum { PARTLY_OTHER_MAX = 100 };

static size_t count_labels(const struct metric_definition *definition)
{
	size_t count = 0;
	while (count < METRIC_LABELS_MAX && definition->labels[count])
		count++;
	return count;
}

static error *set_labels(struct metric_series *series, const struct labels *labels)
{
	series->labels = malloc(labels->size + 1);
	TRY_ALLOC(series->labels);
	memcpy(series->labels, labels->text, labels->size);
	series->labels_size = labels->size;
	series->hash = labels_hash(labels);
	return NULL;
}

static error *open_other(struct metric *m)
{
	bytes others[METRIC_LABELS_MAX];
	struct labels labels;
	for (size_t i = 0; i < m->label_count; i++)
		others[i] = bytes_of_string(METRIC_OTHER);
	labels_print(m->definition, m->label_count, others, &labels);
	m->other.definition = m->definition;
	return set_labels(&m->other, &labels);
}

error *family_new(const struct metric_definition *definition, void *context, struct metric **ret)
{
	struct metric *m = calloc(1, sizeof *m);
	TRY_ALLOC(m);
	pthread_mutex_init(&m->lock, NULL);
	m->definition = definition;
	m->context = context;
	m->label_count = count_labels(definition);
	error *e = open_other(m);
	if (e)
		family_free(m);
	else
		*ret = m;
	return e;
}

void family_free(struct metric *m)
{
	struct metric_series *next;
	if (!m)
		return;
	for (struct metric_series *s = atomic_load(&m->first); s; s = next) {
		next = atomic_load(&s->next);
		if (s == &m->other)
			continue;
		free(s->labels);
		free(s);
	}
	free(m->other.labels);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct metric_series *find(const struct metric *m, const struct labels *labels, uint64_t hash)
{
	struct metric_series *s =
		atomic_load_explicit(&m->table[hash % FAMILY_BUCKETS], memory_order_acquire);
	for (; s; s = s->same_bucket)
		if (s->hash == hash && s->labels_size == labels->size &&
		    memcmp(s->labels, labels->text, labels->size) == 0)
			return s;
	return NULL;
}

/* Under the lock; from here on everybody sees it. */
static void publish(struct metric *m, struct metric_series *s)
{
	_Atomic(struct metric_series *) *bucket = &m->table[s->hash % FAMILY_BUCKETS];
	s->same_bucket = atomic_load_explicit(bucket, memory_order_relaxed);
	atomic_store_explicit(bucket, s, memory_order_release);
	atomic_store_explicit(m->last ? &m->last->next : &m->first, s, memory_order_release);
	m->last = s;
}

static struct metric_series *make(struct metric *m, const struct labels *labels)
{
	struct metric_series *s = calloc(1, sizeof *s);
	error *e = s ? set_labels(s, labels) : NULL;
	if (!s || e) {
		error_free(e);
		free(s);
		return NULL;
	}
	s->definition = m->definition;
	publish(m, s);
	return s;
}

/* Under the lock. Is there room? Then it is taken. */
static bool take_place(struct metric *m, enum metric_source source)
{
	size_t most = m->definition->series_max ? m->definition->series_max : METRIC_SERIES_MAX;
	if (m->count >= most || (source == METRIC_STRANGER && m->strangers >= most / 2))
		return false;
	m->count++;
	m->strangers += source == METRIC_STRANGER;
	return true;
}

static bool take_other_place(struct metric *m, enum metric_source source)
{
	size_t most = source == METRIC_STRANGER ? PARTLY_OTHER_MAX / 2 : PARTLY_OTHER_MAX;
	if (m->partly_other >= most)
		return false;
	m->partly_other++;
	return true;
}

static struct metric_series *all_other(struct metric *m)
{
	if (!m->other_shown)
		publish(m, &m->other);
	m->other_shown = true;
	return &m->other;
}

static struct metric_series *find_or_make(struct metric *m, const struct labels *labels,
					  enum metric_source source,
					  bool (*room)(struct metric *, enum metric_source))
{
	struct metric_series *s = find(m, labels, labels_hash(labels));
	if (s || !room(m, source))
		return s;
	return make(m, labels);
}

/* Under the lock. */
static struct metric_series *add(struct metric *m, const struct labels *labels, const bytes *values,
				 enum metric_source source)
{
	bytes partly[METRIC_LABELS_MAX];
	struct labels other;
	struct metric_series *s = find_or_make(m, labels, source, take_place);
	if (s || m->label_count < 2)
		return s ? s : all_other(m);
	memcpy(partly, values, m->label_count * sizeof *values);
	partly[m->label_count - 1] = bytes_of_string(METRIC_OTHER);
	labels_print(m->definition, m->label_count, partly, &other);
	s = find_or_make(m, &other, source, take_other_place);
	return s ? s : all_other(m);
}

struct metric_series *metric_series(struct metric *m, const bytes *values, enum metric_source source)
{
	struct labels labels;
	labels_print(m->definition, m->label_count, values, &labels);
	struct metric_series *s = find(m, &labels, labels_hash(&labels));
	if (s)
		return s;
	pthread_mutex_lock(&m->lock);
	s = add(m, &labels, values, source);
	pthread_mutex_unlock(&m->lock);
	return s;
}

struct metric_series *metric_only(struct metric *m)
{
	return metric_series(m, NULL, METRIC_KNOWN);
}

void metric_count(struct metric_series *s)
{
	metric_count_many(s, 1);
}

void metric_count_many(struct metric_series *s, uint64_t more)
{
	atomic_fetch_add_explicit(&s->count, more, memory_order_relaxed);
}

void metric_set(struct metric_series *s, double value)
{
	atomic_store_explicit(&s->value, value, memory_order_relaxed);
}

void metric_add(struct metric_series *s, double difference)
{
	double before = atomic_load_explicit(&s->value, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&s->value, &before, before + difference,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

void metric_observe(struct metric_series *s, double value)
{
	const struct metric_definition *d = s->definition;
	size_t bucket = 0;
	while (bucket < d->bound_count && value > d->bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&s->buckets[bucket], 1, memory_order_relaxed);
	metric_add(s, value);
}

void metric_observe_many(struct metric_series *s, const uint64_t *counts, double sum)
{
	for (size_t i = 0; i <= s->definition->bound_count; i++)
		atomic_fetch_add_explicit(&s->buckets[i], counts[i], memory_order_relaxed);
	metric_add(s, sum);
}
