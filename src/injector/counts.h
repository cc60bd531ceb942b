/* What the injector counts. */
#pragma once
#include "injector/certificate.h"
#include "injector/review.h"
#include "metrics/metrics.h"

struct counts {
	struct metrics *table;
	struct metric *reviews;
};
/* `files` outlives it. */
error *counts_new(struct certificate_files *files, struct counts *ret) MUST_USE;
/* `outcome`: a review's, or "unreadable". Nothing where nothing is counted. */
void counts_review(struct counts *c, const char *outcome);
void counts_free(struct counts *c);
