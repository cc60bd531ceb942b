/* Labels as the text format shows them, which is also how a series is known. */
#pragma once
#include "metrics/metrics.h"

enum {
	LABEL_NAME_MAX = 40,
	/* A byte becomes at most three: what is no UTF-8 is shown as U+FFFD. */
	LABELS_BYTES_MAX = METRIC_LABELS_MAX * (3 * METRIC_LABEL_BYTES_MAX + LABEL_NAME_MAX + 4),
};

struct labels {
	size_t size;
	char text[LABELS_BYTES_MAX];
};
/* A value that is too long becomes METRIC_OTHER. */
void labels_print(const struct metric_definition *definition, size_t count, const bytes *values,
		  struct labels *ret);
uint64_t labels_hash(const struct labels *labels);
