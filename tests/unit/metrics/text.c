/* What the text format demands of what strangers say: every value is one line's quoted string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "metrics/metrics.h"

#define OK(call) assert_ok((call), __LINE__)

static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

static char *shown(const struct metrics *m)
{
	struct writer w = { 0 };
	metrics_write(m, &w);
	char *text = writer_take_string(&w);
	assert_non_null(text);
	return text;
}

static void assert_shown(const struct metrics *m, const char *expected)
{
	CLEANUP_FREE char *text = shown(m);
	assert_string_equal(text, expected);
}

static const struct metric_definition counter = { "c_total", "Help.", METRIC_COUNTER,
						  .labels = { "a", "b" } };

static void nothing_is_shown_before_it_is_counted(void **state)
{
	CLEANUP(metrics_free) struct metrics *m = NULL;
	struct metric *family;
	(void)state;
	OK(metrics_new(&m));
	OK(metrics_add(m, &counter, NULL, &family));
	assert_shown(m, "");
}

static void counters_have_their_labels(void **state)
{
	CLEANUP(metrics_free) struct metrics *m = NULL;
	struct metric *family;
	bytes values[] = { bytes_of_string("x"), bytes_of_string("") };
	(void)state;
	OK(metrics_new(&m));
	OK(metrics_add(m, &counter, NULL, &family));
	metric_count(metric_series(family, values, METRIC_KNOWN));
	metric_count(metric_series(family, values, METRIC_STRANGER));
	assert_shown(m, "# HELP c_total Help.\n# TYPE c_total counter\nc_total{a=\"x\",b=\"\"} 2\n");
}

static void hostile_values_stay_in_their_quotes(void **state)
{
	static const struct {
		const char *said, *shown;
	} cases[] = {
		{ "a\"} 1\nforged 2", "a\\\"} 1\\nforged 2" },
		{ "back\\slash", "back\\\\slash" },
		{ "\\", "\\\\" },
		{ "\r\x1b[2J\x7f", "\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd" },
		{ "caf\xc3\xa9 \xf0\x9f\x92\xa5", "caf\xc3\xa9 \xf0\x9f\x92\xa5" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "\xef\xbf\xbd", "\xef\xbf\xbd" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(metrics_free) struct metrics *m = NULL;
		CLEANUP(writer_free) struct writer expected = { 0 };
		struct metric *family;
		bytes values[] = { bytes_of_string(cases[i].said), bytes_of_string("b") };
		OK(metrics_new(&m));
		OK(metrics_add(m, &counter, NULL, &family));
		metric_count(metric_series(family, values, METRIC_STRANGER));
		write_format(&expected, "# HELP c_total Help.\n# TYPE c_total counter\n"
			     "c_total{a=\"%s\",b=\"b\"} 1\n", cases[i].shown);
		write_u8(&expected, 0);
		assert_shown(m, (const char *)expected.data);
	}
}

/* Two lines with the same labels would make the whole document invalid. */
static void values_that_look_the_same_are_one_series(void **state)
{
	CLEANUP(metrics_free) struct metrics *m = NULL;
	struct metric *family;
	bytes first[] = { bytes_of_string("\xfe"), BYTES_EMPTY }, second[] = { bytes_of_string("\xff"), BYTES_EMPTY };
	(void)state;
	OK(metrics_new(&m));
	OK(metrics_add(m, &counter, NULL, &family));
	assert_ptr_equal(metric_series(family, first, METRIC_KNOWN),
			 metric_series(family, second, METRIC_KNOWN));
}

static void a_longest_value_fits_and_a_longer_one_is_other(void **state)
{
	char text[METRIC_LABEL_BYTES_MAX + 1];
	static const struct metric_definition four = {
		"four_total", "Help.", METRIC_COUNTER,
		.labels = { "a_name_of_exactly_forty_characters_as_max", "b_name_of_exactly_forty_characters_as_ma",
			    "c_name_of_exactly_forty_characters_as_ma", "d_name_of_exactly_forty_characters_as_ma" }
	};
	CLEANUP(metrics_free) struct metrics *m = NULL;
	struct metric *family;
	struct metric_definition fitting = four;
	(void)state;
	memset(text, 0xff, sizeof text); /* each becomes three */
	bytes longest = bytes_of(text, METRIC_LABEL_BYTES_MAX), longer = bytes_of(text, sizeof text);
	bytes values[] = { longest, longest, longest, longest };
	OK(metrics_new(&m));
	error *e = metrics_add(m, &four, NULL, &family);
	assert_int_equal(error_code(e), ERROR_INTERNAL); /* the first name is one too long */
	error_free(e);
	fitting.labels[0] = "a_name_of_exactly_forty_characters_as_ma";
	OK(metrics_add(m, &fitting, NULL, &family));
	metric_count(metric_series(family, values, METRIC_KNOWN));
	CLEANUP_FREE char *text_of_longest = shown(m);
	assert_true(strlen(text_of_longest) > 4 * 3 * METRIC_LABEL_BYTES_MAX);
	values[3] = longer;
	metric_count(metric_series(family, values, METRIC_KNOWN));
	CLEANUP_FREE char *text_of_both = shown(m);
	assert_non_null(strstr(text_of_both, "d_name_of_exactly_forty_characters_as_ma=\"other\"} 1\n"));
}

static double now_value(void *context)
{
	return *(double *)context;
}

static void gauges_show_what_they_are_set_to(void **state)
{
	static const struct metric_definition set = { "g", "Help.", METRIC_GAUGE };
	static const struct metric_definition asked = { "r", "Help.", METRIC_GAUGE, .read = now_value };
	static const struct {
		double value;
		const char *shown;
	} cases[] = { { 0, "0" }, { -1.5, "-1.5" }, { 1.0 / 3, "0.3333333333333333" },
		      { 1795435186, "1795435186" }, { 1e300, "1e+300" }, { INFINITY, "+Inf" },
		      { -INFINITY, "-Inf" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(metrics_free) struct metrics *m = NULL;
		CLEANUP(writer_free) struct writer expected = { 0 };
		struct metric *family;
		double value = cases[i].value;
		OK(metrics_new(&m));
		OK(metrics_add(m, &set, NULL, &family));
		OK(metrics_add(m, &asked, &value, NULL));
		metric_set(metric_only(family), value + 1);
		metric_set(metric_only(family), value);
		write_format(&expected, "# HELP g Help.\n# TYPE g gauge\ng %s\n"
			     "# HELP r Help.\n# TYPE r gauge\nr %s\n", cases[i].shown, cases[i].shown);
		write_u8(&expected, 0);
		assert_shown(m, (const char *)expected.data);
	}
}

static void a_gauge_without_value_is_not_shown(void **state)
{
	static const struct metric_definition asked = { "r", "Help.", METRIC_GAUGE, .read = now_value };
	CLEANUP(metrics_free) struct metrics *m = NULL;
	double none = NAN;
	(void)state;
	OK(metrics_new(&m));
	OK(metrics_add(m, &asked, &none, NULL));
	assert_shown(m, "");
}

static void histograms_are_cumulative_and_bounds_inclusive(void **state)
{
	static const struct metric_definition h = { "h", "Help.", METRIC_HISTOGRAM, .labels = { "a" },
						    .bounds = { 0.5, 1, 2 }, .bound_count = 3 };
	static const double seen[] = { 0.25, 0.5, 0.75, 2, 2.5, 100 };
	CLEANUP(metrics_free) struct metrics *m = NULL;
	struct metric *family;
	bytes value = bytes_of_string("x");
	(void)state;
	OK(metrics_new(&m));
	OK(metrics_add(m, &h, NULL, &family));
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		metric_observe(metric_series(family, &value, METRIC_KNOWN), seen[i]);
	assert_shown(m, "# HELP h Help.\n# TYPE h histogram\n"
		     "h_bucket{a=\"x\",le=\"0.5\"} 2\nh_bucket{a=\"x\",le=\"1\"} 3\n"
		     "h_bucket{a=\"x\",le=\"2\"} 4\nh_bucket{a=\"x\",le=\"+Inf\"} 6\n"
		     "h_sum{a=\"x\"} 106\nh_count{a=\"x\"} 6\n");
}

static void bad_definitions_are_refused(void **state)
{
	static const struct metric_definition bad[] = {
		{ "c_total", "Twice.", METRIC_COUNTER },  { "", "Help.", METRIC_COUNTER },
		{ "9lives", "Help.", METRIC_COUNTER },    { "a-b", "Help.", METRIC_COUNTER },
		{ "x", "Two\nlines.", METRIC_COUNTER },   { "x", "Help.", METRIC_COUNTER, .labels = { "a-b" } },
		{ "x", "Help.", METRIC_HISTOGRAM, .bounds = { 2, 1 }, .bound_count = 2 },
		{ "x", "Help.", METRIC_HISTOGRAM, .bound_count = METRIC_BOUNDS_MAX + 1 },
	};
	CLEANUP(metrics_free) struct metrics *m = NULL;
	(void)state;
	OK(metrics_new(&m));
	OK(metrics_add(m, &counter, NULL, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error *e = metrics_add(m, &bad[i], NULL, NULL);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_INTERNAL);
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_shown_before_it_is_counted),
		cmocka_unit_test(counters_have_their_labels),
		cmocka_unit_test(hostile_values_stay_in_their_quotes),
		cmocka_unit_test(values_that_look_the_same_are_one_series),
		cmocka_unit_test(a_longest_value_fits_and_a_longer_one_is_other),
		cmocka_unit_test(gauges_show_what_they_are_set_to),
		cmocka_unit_test(a_gauge_without_value_is_not_shown),
		cmocka_unit_test(histograms_are_cumulative_and_bounds_inclusive),
		cmocka_unit_test(bad_definitions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
