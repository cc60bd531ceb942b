/* The latest activations: their form, their bounds, and readers beside writers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>

#include "codec/json.h"
#include "marble_api/events.h"

static json_t *read_events(struct events *e)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	json_t *read = NULL;
	events_write(e, &w);
	assert_null(json_parse(writer_view(&w), "events", &read));
	assert_true(json_is_array(read));
	return read;
}

static void add(struct events *e, unsigned number, size_t quote_size)
{
	CLEANUP(blob_free) struct blob quote = { calloc(1, quote_size + 1), quote_size };
	char uuid[32];
	snprintf(uuid, sizeof uuid, "%u", number);
	events_add_activation(e, 0, bytes_of_string("app"), bytes_of_string(uuid), blob_view(&quote));
}

static const char *uuid_at(const json_t *events, size_t index)
{
	return json_string_value(json_object_get(
		json_object_get(json_array_get(events, index), "activation"), "uuid"));
}

static void events_have_their_form(void **state)
{
	CLEANUP(events_free) struct events *e = NULL;
	CLEANUP(writer_free) struct writer w = { 0 };
	(void)state;
	assert_null(events_new(&e));
	events_write(e, &w);
	assert_true(bytes_equal_string(writer_view(&w), "[]\n"));
	events_add_activation(e, 1795435186007, bytes_of_string("a \"b\"\n"), bytes_of_string("u"),
			      bytes_of_string("quote!"));
	events_add_activation(e, 0, BYTES_EMPTY, BYTES_EMPTY, BYTES_EMPTY);
	writer_reset(&w);
	events_write(e, &w);
	write_u8(&w, 0);
	assert_string_equal((char *)w.data,
			    "[{\"time\":\"2026-11-23T11:59:46.007Z\",\"activation\":{\"marbleType\":"
			    "\"a \\u0022b\\u0022\\n\",\"uuid\":\"u\",\"quote\":\"cXVvdGUh\"}},"
			    "{\"time\":\"1970-01-01T00:00:00.000Z\",\"activation\":{\"marbleType\":\"\","
			    "\"uuid\":\"\",\"quote\":\"\"}}]\n");
}

static void nobody_remembers_nothing(void **state)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	(void)state;
	add(NULL, 1, 1);
	events_write(NULL, &w);
	assert_true(bytes_equal_string(writer_view(&w), "[]\n"));
}

static void the_number_is_bounded_and_the_latest_stay(void **state)
{
	CLEANUP(events_free) struct events *e = NULL;
	(void)state;
	assert_null(events_new(&e));
	for (unsigned i = 0; i < 3 * EVENTS_MAX; i++)
		add(e, i, 10);
	CLEANUP_JSON json_t *read = read_events(e);
	assert_int_equal(json_array_size(read), EVENTS_MAX);
	assert_string_equal(uuid_at(read, 0), "2000");
	assert_string_equal(uuid_at(read, EVENTS_MAX - 1), "2999");
}

static void the_memory_is_bounded(void **state)
{
	CLEANUP(events_free) struct events *e = NULL;
	(void)state;
	assert_null(events_new(&e));
	for (unsigned i = 0; i < 500; i++)
		add(e, i, 10000);
	CLEANUP_JSON json_t *read = read_events(e);
	assert_in_range(json_array_size(read), 95, EVENTS_BYTES_MAX / 10000);
	assert_string_equal(uuid_at(read, json_array_size(read) - 1), "499");
}

static void one_that_is_too_large_displaces_nobody(void **state)
{
	CLEANUP(events_free) struct events *e = NULL;
	(void)state;
	assert_null(events_new(&e));
	add(e, 1, 10);
	add(e, 2, EVENTS_BYTES_MAX);
	CLEANUP_JSON json_t *read = read_events(e);
	assert_int_equal(json_array_size(read), 1);
	assert_string_equal(uuid_at(read, 0), "1");
}

static void *add_many(void *context)
{
	for (unsigned i = 0; i < 3000; i++)
		add(context, i, 500);
	return NULL;
}

static void readers_see_whole_events(void **state)
{
	CLEANUP(events_free) struct events *e = NULL;
	pthread_t threads[2];
	(void)state;
	assert_null(events_new(&e));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, e), 0);
	for (size_t i = 0; i < 20; i++)
		json_decref(read_events(e));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	CLEANUP_JSON json_t *read = read_events(e);
	assert_int_equal(json_array_size(read), EVENTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_have_their_form),
		cmocka_unit_test(nobody_remembers_nothing),
		cmocka_unit_test(the_number_is_bounded_and_the_latest_stay),
		cmocka_unit_test(the_memory_is_bounded),
		cmocka_unit_test(one_that_is_too_large_displaces_nobody),
		cmocka_unit_test(readers_see_whole_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
