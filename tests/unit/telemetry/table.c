/* Counting by many at once, without locks. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "telemetry/table.h"

enum { THREADS = 4, ROUNDS = 20000 };

static struct telemetry *new_table(void)
{
	int file = telemetry_new();
	assert_true(file >= 0);
	struct telemetry *t = telemetry_map(file);
	assert_non_null(t);
	close(file);
	return t;
}

static void test_series_are_found_again(void **state)
{
	struct telemetry *t = new_table();
	char type[16];
	(void)state;
	struct telemetry_series *one = telemetry_series(t, PLACE_FIRST, "client");
	assert_ptr_equal(telemetry_series(t, PLACE_FIRST, "client"), one);
	assert_ptr_not_equal(telemetry_series(t, PLACE_FIRST + 1, "client"), one);
	assert_ptr_not_equal(telemetry_series(t, PLACE_FIRST, "clients"), one);
	for (int i = 0; i < 2 * TELEMETRY_SERIES; i++) {
		snprintf(type, sizeof type, "type-%d", i);
		assert_non_null(telemetry_series(t, PLACE_FIRST, type));
	}
	assert_ptr_equal(telemetry_series(t, PLACE_FIRST, type), &t->series[0]); /* no place any more */
	assert_string_equal(t->series[0].peer_type, "other");
	assert_ptr_equal(telemetry_series(t, PLACE_FIRST, "client"), one);
	assert_ptr_equal(telemetry_series(t, TELEMETRY_PLACES, "client"), &t->series[0]);
	telemetry_unmap(t);
}

static void test_histograms_have_upper_bounds(void **state)
{
	struct telemetry_histogram h = { 0 };
	(void)state;
	telemetry_observe(&h, 1);
	telemetry_observe(&h, 100000); /* 0.1 ms is the first bound, inclusive */
	telemetry_observe(&h, 100001);
	telemetry_observe(&h, 10ull * 1000000000);
	assert_int_equal(h.buckets[0], 2);
	assert_int_equal(h.buckets[1], 1);
	assert_int_equal(h.buckets[TELEMETRY_BOUNDS], 1);
	assert_int_equal(h.sum_ns, 1 + 100000 + 100001 + 10000000000);
}

static void test_what_the_dead_held_is_closed_once(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_series *series = telemetry_series(t, PLACE_FIRST, "client");
	(void)state;
	pid_t child = fork();
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	telemetry_open(t, 1, series, child);
	telemetry_open(t, 2, series, getpid());
	telemetry_bury(t);
	assert_int_equal(series->closed, 1);
	assert_false(telemetry_close(t, 1));
	assert_true(telemetry_close(t, 2));
	assert_false(telemetry_close(t, 2));
	assert_int_equal(series->opened, 2);
	assert_int_equal(series->closed, 2);
	telemetry_unmap(t);
}

static void test_lines_come_in_order_and_what_finds_no_place_is_counted(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_entry entry = { 0 }, got;
	uint64_t next = 0;
	(void)state;
	assert_false(telemetry_next(t, &next, 0, &got));
	for (uint64_t i = 0; i < TELEMETRY_LOG + 5; i++) {
		entry.sent = i;
		telemetry_log(t, &entry);
	}
	assert_int_equal(t->lost, 5);
	for (uint64_t i = 0; i < TELEMETRY_LOG; i++) {
		assert_true(telemetry_next(t, &next, 0, &got));
		assert_int_equal(got.sent, i);
	}
	assert_false(telemetry_next(t, &next, 0, &got));
	telemetry_log(t, &entry);
	assert_true(telemetry_next(t, &next, 0, &got));
	telemetry_unmap(t);
}

static void test_a_writer_that_died_holds_up_nobody(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_entry entry = { .sent = 7 }, got;
	uint64_t next = 0;
	(void)state;
	t->next = 1; /* a line was begun */
	telemetry_log(t, &entry);
	assert_true(telemetry_next(t, &next, 0, &got));
	assert_int_equal(got.sent, 7);
	assert_int_equal(t->lost, 1);
	telemetry_unmap(t);
}

static void *write_lines(void *context)
{
	struct telemetry *t = context;
	struct telemetry_entry entry = { .place = PLACE_FIRST };
	for (int i = 0; i < ROUNDS; i++) {
		telemetry_log(t, &entry);
		telemetry_count(&telemetry_series(t, PLACE_FIRST, "client")->sent, 1);
	}
	return NULL;
}

static void test_many_write_and_one_reads(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_entry got;
	pthread_t threads[THREADS];
	uint64_t next = 0, read = 0, sent = 0;
	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, t), 0);
	while (read + t->lost < THREADS * ROUNDS)
		read += telemetry_next(t, &next, 100, &got);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(read + t->lost, THREADS * ROUNDS);
	for (int i = 0; i < TELEMETRY_SERIES; i++) /* two may have made the same series at once */
		sent += t->series[i].sent;
	assert_int_equal(sent, THREADS * ROUNDS);
	telemetry_unmap(t);
}

static void test_only_a_table_is_mapped(void **state)
{
	FILE *other = tmpfile();
	(void)state;
	assert_non_null(other);
	assert_null(telemetry_map(fileno(other)));
	assert_int_equal(ftruncate(fileno(other), sizeof(struct telemetry)), 0);
	assert_null(telemetry_map(fileno(other)));
	assert_null(telemetry_map(-1));
	fclose(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_series_are_found_again),
		cmocka_unit_test(test_histograms_have_upper_bounds),
		cmocka_unit_test(test_what_the_dead_held_is_closed_once),
		cmocka_unit_test(test_lines_come_in_order_and_what_finds_no_place_is_counted),
		cmocka_unit_test(test_a_writer_that_died_holds_up_nobody),
		cmocka_unit_test(test_many_write_and_one_reads),
		cmocka_unit_test(test_only_a_table_is_mapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
