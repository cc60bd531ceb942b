/* The number of series is bounded whoever names them, nothing is lost in the count, and threads agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>

#include "metrics/metrics.h"

#define OK(call) assert_ok((call), __LINE__)

static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

static const struct metric_definition definition = { "c_total", "Help.", METRIC_COUNTER,
						     .labels = { "type", "uuid" } };
struct world {
	struct metrics *metrics;
	struct metric *family;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	OK(metrics_new(&w->metrics));
	OK(metrics_add(w->metrics, &definition, NULL, &w->family));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	metrics_free(w->metrics);
	free(w);
	return 0;
}

static struct metric_series *series_of(struct world *w, const char *type, unsigned number,
				       enum metric_source source)
{
	char uuid[32];
	snprintf(uuid, sizeof uuid, "%u", number);
	bytes values[] = { bytes_of_string(type), bytes_of_string(uuid) };
	return metric_series(w->family, values, source);
}

struct document {
	size_t series;
	unsigned long long sum;
	char *text;
};

static struct document read_document(const struct world *w)
{
	struct document d = { 0 };
	struct writer written = { 0 };
	metrics_write(w->metrics, &written);
	d.text = writer_take_string(&written);
	for (const char *line = d.text; *line; line = strchr(line, '\n') + 1) {
		if (*line == '#')
			continue;
		d.series++;
		d.sum += strtoull(strstr(line, "} ") + 2, NULL, 10);
	}
	return d;
}

static void a_hundred_thousand_names_fill_nothing(void **state)
{
	struct world *w = *state;
	enum { NAMES = 100000 };
	for (unsigned i = 0; i < NAMES; i++)
		metric_count(series_of(w, "app", i, METRIC_KNOWN));
	struct document d = read_document(w);
	assert_int_equal(d.series, METRIC_SERIES_MAX + 1);
	assert_int_equal(d.sum, NAMES);
	assert_non_null(strstr(d.text, "c_total{type=\"app\",uuid=\"other\"} 99000\n"));
	free(d.text);
}

static void as_many_types_fill_nothing_either(void **state)
{
	struct world *w = *state;
	enum { TYPES = 20000 };
	for (unsigned i = 0; i < TYPES; i++) {
		char type[32];
		snprintf(type, sizeof type, "type%u", i);
		metric_count(series_of(w, type, i, METRIC_KNOWN));
	}
	struct document d = read_document(w);
	assert_int_equal(d.series, METRIC_SERIES_MAX + 100 + 1);
	assert_int_equal(d.sum, TYPES);
	assert_non_null(strstr(d.text, "c_total{type=\"type1000\",uuid=\"other\"} 1\n"));
	assert_non_null(strstr(d.text, "c_total{type=\"other\",uuid=\"other\"} 18900\n"));
	free(d.text);
}

static void strangers_leave_room_for_those_who_are_known(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 5000; i++)
		metric_count(series_of(w, "stranger", i, METRIC_STRANGER));
	for (unsigned i = 0; i < METRIC_SERIES_MAX / 2; i++)
		metric_count(series_of(w, "known", i, METRIC_KNOWN));
	struct document d = read_document(w);
	assert_null(strstr(d.text, "{type=\"known\",uuid=\"other\"}"));
	assert_non_null(strstr(d.text, "{type=\"known\",uuid=\"499\"} 1\n"));
	assert_non_null(strstr(d.text, "{type=\"stranger\",uuid=\"other\"} 4500\n"));
	free(d.text);
}

static void a_series_once_made_is_found_again_when_full(void **state)
{
	struct world *w = *state;
	struct metric_series *early = series_of(w, "app", 7, METRIC_STRANGER);
	for (unsigned i = 0; i < 2000; i++)
		series_of(w, "app", i, METRIC_KNOWN);
	assert_ptr_equal(early, series_of(w, "app", 7, METRIC_STRANGER));
}

enum { THREADS = 4, ROUNDS = 20000, NAMES = 1500 };

/* All count the same names, so that they race to make them; one reads meanwhile. */
static void *count_names(void *context)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		metric_count(series_of(context, "app", i * 7 % NAMES, METRIC_KNOWN));
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	struct world *w = *state;
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_names, w), 0);
	unsigned long long before = 0;
	for (size_t i = 0; i < 20; i++) {
		struct document d = read_document(w);
		assert_true(d.sum >= before);
		before = d.sum;
		free(d.text);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	struct document d = read_document(w);
	assert_int_equal(d.sum, THREADS * ROUNDS);
	assert_int_equal(d.series, METRIC_SERIES_MAX + 1);
	free(d.text);
}

static const struct metric_definition gauge = { "g", "Help.", METRIC_GAUGE };
static const struct metric_definition histogram = { "h", "Help.", METRIC_HISTOGRAM, .bounds = { 1 },
						    .bound_count = 1 };
struct pair {
	struct metric *gauge, *histogram;
};

static void *observe(void *context)
{
	struct pair *p = context;
	for (unsigned i = 0; i < ROUNDS; i++) {
		metric_add(metric_only(p->gauge), 1);
		metric_observe(metric_only(p->histogram), i % 3);
		metric_add(metric_only(p->gauge), -0.5);
	}
	return NULL;
}

static void threads_add_up(void **state)
{
	struct world *w = *state;
	struct pair p;
	pthread_t threads[THREADS];
	CLEANUP(writer_free) struct writer text = { 0 };
	OK(metrics_add(w->metrics, &gauge, NULL, &p.gauge));
	OK(metrics_add(w->metrics, &histogram, NULL, &p.histogram));
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, observe, &p), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	metrics_write(w->metrics, &text);
	write_u8(&text, 0);
	assert_non_null(strstr((char *)text.data, "\ng 40000\n"));
	assert_non_null(strstr((char *)text.data, "\nh_bucket{le=\"1\"} 53336\nh_bucket{le=\"+Inf\"} 80000\n"
			       "h_sum 79996\nh_count 80000\n"));
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_hundred_thousand_names_fill_nothing),
		WITH_WORLD(as_many_types_fill_nothing_either),
		WITH_WORLD(strangers_leave_room_for_those_who_are_known),
		WITH_WORLD(a_series_once_made_is_found_again_when_full),
		WITH_WORLD(threads_lose_no_count),
		WITH_WORLD(threads_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
