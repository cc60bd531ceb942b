#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "coordinator/running.h"

static struct marblerun_verdict version(uint16_t number)
{
	struct marblerun_verdict v = { .genuine = true, .tcb_status = MARBLERUN_TCB_UP_TO_DATE };
	v.claims.tee = MARBLERUN_TEE_SGX;
	v.claims.sgx.isv_svn = number;
	return v;
}

static void note(struct running *r, const char *type, unsigned instance, const struct marblerun_verdict *v)
{
	char uuid[37];
	snprintf(uuid, sizeof uuid, "%08x-0000-4000-8000-000000000000", instance);
	running_note(r, type, uuid, v);
}

static void instances_count_once(void **state)
{
	struct running r;
	CLEANUP(running_view_free) struct running_view view = { 0 };
	struct marblerun_verdict one = version(1), again = version(1);
	(void)state;
	assert_null(running_init(&r));
	/* what differs in every piece of evidence makes no other kind */
	memset(again.claims.report_data, 7, sizeof again.claims.report_data);
	again.valid_until = 7;
	note(&r, "b", 1, &one);
	note(&r, "b", 1, &again);
	note(&r, "b", 2, &again);
	note(&r, "a", 1, NULL);
	assert_null(running_look(&r, &view));
	assert_int_equal(view.count, 2);
	assert_string_equal(view.marbles[0].type, "a");
	assert_null(view.marbles[0].verdict);
	assert_int_equal(view.marbles[0].count, 1);
	assert_int_equal(view.marbles[1].count, 2);
	assert_int_equal(view.marbles[1].verdict->claims.sgx.isv_svn, 1);
	assert_false(view.marbles[1].estimated);
	assert_false(view.incomplete);
	running_free(&r);
}

static void a_new_version_moves_its_instance(void **state)
{
	struct running r;
	CLEANUP(running_view_free) struct running_view view = { 0 };
	CLEANUP(running_view_free) struct running_view later = { 0 };
	struct marblerun_verdict one = version(1), two = version(2);
	(void)state;
	assert_null(running_init(&r));
	note(&r, "b", 1, &one);
	note(&r, "b", 2, &one);
	note(&r, "other", 2, &one);
	note(&r, "b", 2, &two);
	assert_null(running_look(&r, &view));
	assert_int_equal(view.count, 3);
	for (size_t i = 0; i < view.count; i++)
		assert_int_equal(view.marbles[i].count, 1);
	note(&r, "b", 1, &two);
	assert_null(running_look(&r, &later));
	assert_int_equal(later.count, 2); /* nobody is left of the first version */
	assert_int_equal(later.marbles[0].count, 2);
	assert_int_equal(later.marbles[0].verdict->claims.sgx.isv_svn, 2);
	running_free(&r);
}

static void many_uuids_are_estimated(void **state)
{
	enum { MANY = 100000 };
	struct running r;
	CLEANUP(running_view_free) struct running_view view = { 0 };
	struct marblerun_verdict one = version(1);
	(void)state;
	assert_null(running_init(&r));
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < MANY; i++)
			note(&r, "b", i, &one);
	assert_null(running_look(&r, &view));
	assert_int_equal(view.count, 1);
	assert_true(view.marbles[0].estimated);
	/* the standard error of 256 samples is 6 %: this is five times as much */
	assert_in_range(view.marbles[0].count, MANY * 7 / 10, MANY * 13 / 10);
	running_free(&r);
}

static void kinds_are_bounded(void **state)
{
	struct running r;
	CLEANUP(running_view_free) struct running_view view = { 0 };
	(void)state;
	assert_null(running_init(&r));
	for (unsigned i = 0; i < RUNNING_KINDS_MAX + 3; i++) {
		struct marblerun_verdict v = version((uint16_t)i);
		note(&r, "b", i, &v);
	}
	assert_null(running_look(&r, &view));
	assert_int_equal(view.count, RUNNING_KINDS_MAX);
	assert_true(view.incomplete);
	running_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_count_once),
		cmocka_unit_test(a_new_version_moves_its_instance),
		cmocka_unit_test(many_uuids_are_estimated),
		cmocka_unit_test(kinds_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
