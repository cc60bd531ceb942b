#include "injector/counts.h"

#include <math.h>

#include "metrics/process.h"

static double read_not_after(void *context)
{
	struct certificate_files *files = context;
	int64_t end = atomic_load(&files->not_after);
	return end ? (double)end : NAN;
}

static const struct metric_definition reviews = {
	"injector_reviews_total", "Admission reviews, by what became of them.", METRIC_COUNTER,
	.labels = { "outcome" }
};
static const struct metric_definition not_after = {
	"injector_certificate_not_after_seconds", "When the webhook's certificate ends, in seconds since 1970.",
	METRIC_GAUGE, .read = read_not_after
};
static const struct metric_definition version = {
	"injector_version_info", "Always 1; the label says what runs.", METRIC_GAUGE, .labels = { "version" }
};

static error *add_all(struct certificate_files *files, struct counts *c)
{
	bytes value = bytes_of_string(MARBLERUN_VERSION);
	struct metric *family;
	TRY(metrics_add(c->table, &reviews, NULL, &c->reviews));
	TRY(metrics_add(c->table, &not_after, files, NULL));
	TRY(metrics_add(c->table, &version, NULL, &family));
	metric_set(metric_series(family, &value, METRIC_KNOWN), 1);
	return process_metrics_add(c->table);
}

error *counts_new(struct certificate_files *files, struct counts *ret)
{
	TRY(metrics_new(&ret->table));
	return add_all(files, ret);
}

void counts_review(struct counts *c, const char *outcome)
{
	bytes value = bytes_of_string(outcome);
	if (c->reviews)
		metric_count(metric_series(c->reviews, &value, METRIC_KNOWN));
}

void counts_free(struct counts *c)
{
	metrics_free(c->table);
	*c = (struct counts){ 0 };
}
