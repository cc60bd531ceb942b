/* Workers: everything that was taken is done, what does not fit is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/loop.h"

static atomic_int done;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void count(void *context)
{
	(void)context;
	atomic_fetch_add(&done, 1);
}

static void wait_at_gate(void *context)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	count(context);
}

static void finishes_what_was_submitted(void **state)
{
	struct workers *w;
	(void)state;
	atomic_store(&done, 0);
	assert_null(workers_new(3, 5, 1000, &w));
	for (int i = 0; i < 500; i++)
		assert_null(workers_submit(w, count, NULL));
	workers_free(w);
	assert_int_equal(atomic_load(&done), 500);
}

static void refuses_beyond_its_queue(void **state)
{
	struct workers *w;
	int taken = 0, refused = 0;
	(void)state;
	atomic_store(&done, 0);
	assert_null(workers_new(1, 0, 4, &w));
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 20; i++) {
		error *e = workers_submit(w, wait_at_gate, NULL);
		taken += !e;
		refused += e && error_code(e) == ERROR_UNAVAILABLE;
		error_free(e);
	}
	pthread_mutex_unlock(&gate);
	workers_free(w);
	assert_int_equal(taken + refused, 20);
	assert_true(taken == 4 || taken == 5); /* the worker may have one in its hands */
	assert_int_equal(atomic_load(&done), taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finishes_what_was_submitted),
		cmocka_unit_test(refuses_beyond_its_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
