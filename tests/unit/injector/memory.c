/* Without memory there is no answer, or a refusal; never an answer that lacks something. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "failing_malloc.h"
#include "injector/review.h"

static const struct injection_rules rules = { "mesh:2001", "cluster.local", SGX_INTEL, TSM_RUNTIME_CLASSES };
static const char *const pods[] = { "several-containers", "resources-partly-set", "guest-not-root",
				    "container-not-there", "bare-pod" };

static void read_review(const char *name, struct blob *ret)
{
	CLEANUP_FREE char *path = NULL;
	assert_true(asprintf(&path, VECTORS "/admission/%s.json", name) > 0);
	assert_null(file_read(path, 1 << 20, ret));
}

/* jansson's allocation number `lost` (from 1) fails, and only that. */
static size_t lost, counted;

static void *count_malloc(size_t size)
{
	return ++counted == lost ? NULL : malloc(size);
}

/* Before the codec looks at what jansson allocates with. */
__attribute__((constructor(200))) static void count_allocations(void)
{
	json_set_alloc_funcs(count_malloc, free);
}

static void check_answer(const struct review_answer *answer, bytes whole)
{
	if (answer->outcome == REVIEW_REFUSED)
		assert_non_null(memmem(answer->body.data, answer->body.size, "InternalError", 13));
	else
		assert_true(bytes_equal(blob_view(&answer->body), whole));
}

static void try_one(bytes review, bytes whole)
{
	CLEANUP(review_answer_free) struct review_answer answer = { 0 };
	CLEANUP(error_free) error *e = review_answer(&rules, review, &answer);
	lost = 0;
	fail_allocation(0);
	if (e)
		assert_null(answer.body.data);
	else
		check_answer(&answer, whole);
}

static void answer_whole(const char *name, struct blob *review, struct review_answer *ret)
{
	read_review(name, review);
	assert_null(review_answer(&rules, blob_view(review), ret));
}

static void test_one_allocation_of_the_json_library_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pods); i++) {
		CLEANUP(blob_free) struct blob review = { 0 };
		CLEANUP(review_answer_free) struct review_answer whole = { 0 };
		counted = 0;
		answer_whole(pods[i], &review, &whole);
		for (size_t all = counted, n = 1; n <= all; n++) {
			counted = 0;
			lost = n;
			try_one(blob_view(&review), blob_view(&whole.body));
		}
	}
}

static void test_all_allocations_fail_from_one_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pods); i++) {
		CLEANUP(blob_free) struct blob review = { 0 };
		CLEANUP(review_answer_free) struct review_answer whole = { 0 };
		answer_whole(pods[i], &review, &whole);
		bool failed = true;
		for (size_t n = 1; failed; n++) {
			CLEANUP(review_answer_free) struct review_answer answer = { 0 };
			fail_allocation(n);
			CLEANUP(error_free) error *e = review_answer(&rules, blob_view(&review), &answer);
			failed = allocation_failed();
			fail_allocation(0);
			assert_int_equal(failed, !!e);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_allocation_of_the_json_library_fails),
		cmocka_unit_test(test_all_allocations_fail_from_one_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
