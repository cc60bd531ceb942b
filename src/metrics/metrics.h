/* Counters, gauges and histograms, and the table in which they are shown (Prometheus text format
 * 0.0.4). Counting is safe from any thread and takes no lock; what strangers put into labels is bounded
 * in number and size. */
#pragma once
#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum {
	METRIC_LABELS_MAX = 8,
	METRIC_BOUNDS_MAX = 12,
	METRIC_SERIES_MAX = 1000,     /* of a family, unless it says otherwise */
	METRIC_LABEL_BYTES_MAX = 128, /* of a label's value; longer ones count as METRIC_OTHER */
};
/* The label's value of whatever found no series of its own. */
#define METRIC_OTHER "other"

/* What a family is. The definition outlives it. */
struct metric_definition {
	const char *name, *help;
	enum metric_kind kind;
	const char *labels[METRIC_LABELS_MAX]; /* names; NULL ends them */
	double bounds[METRIC_BOUNDS_MAX];      /* histogram: inclusive upper bounds, ascending */
	size_t bound_count;
	size_t series_max;                     /* 0: METRIC_SERIES_MAX */
	/* A gauge or counter without labels that is asked for its value when it is shown; NAN: there is
	 * none now. NULL: it is set. */
	double (*read)(void *context);
};

struct metrics; /* the table */
struct metric;  /* a family: one name, any number of label values */
struct metric_series;

error *metrics_new(struct metrics **ret) MUST_USE;
/* `context` is for `read`. The family is the table's; families are shown in the order in which they are
 * added, those without a series not at all. Not for threads: all families are there before counting. */
error *metrics_add(struct metrics *m, const struct metric_definition *definition, void *context,
		   struct metric **ret) MUST_USE;
void metrics_write(const struct metrics *m, struct writer *w);
/* NULL is accepted. */
void metrics_free(struct metrics *m);
DEFINE_CLEANUP(metrics_free, struct metrics *)

/* Who chose the label values. Strangers get at most half of a family's series, so that they can't take
 * the place of those who have proven who they are. */
enum metric_source { METRIC_KNOWN, METRIC_STRANGER };

/* The series with these values, one for each label; made when it is first asked for. When there is no
 * place for another one, that of METRIC_OTHER for the last label (it has few places, too), and then for
 * all labels. Never NULL. */
struct metric_series *metric_series(struct metric *metric, const bytes *values,
				    enum metric_source source);
/* The only series of a family without labels. */
struct metric_series *metric_only(struct metric *metric);

void metric_count(struct metric_series *counter);
void metric_count_many(struct metric_series *counter, uint64_t more);
/* Gauges. */
void metric_set(struct metric_series *gauge, double value);
void metric_add(struct metric_series *gauge, double difference);
/* Histograms. */
void metric_observe(struct metric_series *histogram, double value);
/* What was counted elsewhere, with the same bounds: as many as there are bounds, and those above all. */
void metric_observe_many(struct metric_series *histogram, const uint64_t *counts, double sum);
