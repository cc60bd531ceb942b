/* Prometheus text format 0.0.4 (Exposition formats, "Text-based format"). */
#include <math.h>
#include <stdio.h>

#include "metrics/family.h"

/* The shortest that reads back the same. */
static void write_double(struct writer *w, double value)
{
	char text[32];
	if (isnan(value) || isinf(value)) {
		write_string(w, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	write_string(w, text);
}

static void write_name(struct writer *w, const struct metric_series *s, const char *suffix)
{
	write_format(w, "%s%s", s->definition->name, suffix);
	if (!s->labels_size)
		return;
	write_u8(w, '{');
	write_bytes(w, bytes_of(s->labels, s->labels_size));
	write_u8(w, '}');
}

static void write_counter(struct writer *w, const struct metric_series *s)
{
	write_name(w, s, "");
	write_format(w, " %llu\n", (unsigned long long)atomic_load(&s->count));
}

static void write_gauge(struct writer *w, const struct metric_series *s)
{
	write_name(w, s, "");
	write_u8(w, ' ');
	write_double(w, atomic_load(&s->value));
	write_u8(w, '\n');
}

static void write_bucket(struct writer *w, const struct metric_series *s, double bound, uint64_t count)
{
	write_format(w, "%s_bucket{", s->definition->name);
	write_bytes(w, bytes_of(s->labels, s->labels_size));
	write_string(w, s->labels_size ? ",le=\"" : "le=\"");
	write_double(w, bound);
	write_format(w, "\"} %llu\n", (unsigned long long)count);
}

/* Its count is the sum of what was read here, so that it always equals the last bucket. */
static void write_histogram(struct writer *w, const struct metric_series *s)
{
	const struct metric_definition *d = s->definition;
	uint64_t count = 0;
	for (size_t i = 0; i <= d->bound_count; i++) {
		count += atomic_load(&s->buckets[i]);
		write_bucket(w, s, i < d->bound_count ? d->bounds[i] : INFINITY, count);
	}
	write_name(w, s, "_sum");
	write_u8(w, ' ');
	write_double(w, atomic_load(&s->value));
	write_u8(w, '\n');
	write_name(w, s, "_count");
	write_format(w, " %llu\n", (unsigned long long)count);
}

static void write_head(struct writer *w, const struct metric_definition *d)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram" };
	write_format(w, "# HELP %s %s\n# TYPE %s %s\n", d->name, d->help, d->name, kinds[d->kind]);
}

static void write_read(const struct metric *m, struct writer *w)
{
	double value = m->definition->read(m->context);
	if (isnan(value))
		return;
	write_head(w, m->definition);
	write_format(w, "%s ", m->definition->name);
	write_double(w, value);
	write_u8(w, '\n');
}

void family_write(const struct metric *m, struct writer *w)
{
	static void (*const write[])(struct writer *, const struct metric_series *) = {
		write_counter, write_gauge, write_histogram,
	};
	const struct metric_series *s = atomic_load(&m->first);
	if (m->definition->read)
		write_read(m, w);
	if (!s)
		return;
	write_head(w, m->definition);
	for (; s; s = atomic_load(&s->next))
		write[m->definition->kind](w, s);
}
