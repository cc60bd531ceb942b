/* Marks: what contradicts the history of a state, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "coordinator/history.h"

static EVP_PKEY *root_key, *other_key;

static void OK(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static int make_keys(void **state)
{
	(void)state;
	OK(key_generate(KEY_P256, 0, &root_key));
	OK(key_generate(KEY_P256, 0, &other_key));
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* Three incarnations, from epochs 1, 10 and 20; now at epoch `now`. */
static struct history three(void)
{
	struct history h = { calloc(3, sizeof *h.items), 3, false };
	const uint64_t first[] = { 1, 10, 20 };
	for (size_t i = 0; i < 3; i++) {
		memset(h.items[i].name, 'a' + (int)i, INCARNATION_SIZE);
		h.items[i].first_epoch = first[i];
	}
	return h;
}

static struct blob mark_of(char incarnation, uint64_t epoch, EVP_PKEY *key)
{
	struct incarnation one = { .first_epoch = 1 };
	struct history h = { &one, 1, false };
	struct store_head head = { .epoch = epoch };
	struct blob mark = { 0 };
	memset(one.name, incarnation, sizeof one.name);
	OK(mark_sign(&h, &head, key, &mark));
	return mark;
}

static bool contradicts(const struct history *h, uint64_t now, char incarnation, uint64_t epoch)
{
	CLEANUP(blob_free) struct blob mark = mark_of(incarnation, epoch, root_key);
	struct store_head head = { .epoch = now };
	uint64_t seen;
	error *e = mark_check(blob_view(&mark), root_key, h, &head, &seen);
	assert_int_equal(seen, epoch);
	error_free(e);
	return e;
}

static void epochs_belong_to_incarnations(void **state)
{
	(void)state;
	CLEANUP(history_free) struct history h = three();
	static const struct {
		char incarnation;
		uint64_t epoch;
		bool lost;
	} cases[] = {
		{ 'a', 1, false }, { 'a', 9, false },
		{ 'a', 10, true }, /* b began there: what a did afterwards is lost */
		{ 'b', 9, true },  /* before it began */
		{ 'b', 10, false }, { 'b', 19, false }, { 'b', 20, true },
		{ 'c', 20, false }, { 'c', 25, false }, { 'c', 26, true },
		{ 'x', 5, true }, { 'x', 100, true }, /* an incarnation that never was */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (contradicts(&h, 25, cases[i].incarnation, cases[i].epoch) != cases[i].lost)
			fail_msg("%c at %llu", cases[i].incarnation, (unsigned long long)cases[i].epoch);
}

static void what_is_forgotten_says_nothing(void **state)
{
	(void)state;
	CLEANUP(history_free) struct history h = three();
	h.truncated = true;
	h.items[0].first_epoch = 5;
	assert_false(contradicts(&h, 25, 'x', 4));
	assert_true(contradicts(&h, 25, 'x', 5));
}

static void only_the_root_key_says_anything(void **state)
{
	(void)state;
	CLEANUP(history_free) struct history h = three();
	CLEANUP(blob_free) struct blob mark = mark_of('x', 100, other_key);
	CLEANUP(blob_free) struct blob ours = mark_of('x', 100, root_key);
	struct store_head head = { .epoch = 25 };
	uint64_t seen;
	assert_null(mark_check(blob_view(&mark), root_key, &h, &head, &seen));
	assert_null(mark_check(BYTES_EMPTY, root_key, &h, &head, &seen));
	for (size_t i = 0; i < ours.size; i++) {
		ours.data[i] ^= 1;
		assert_null(mark_check(blob_view(&ours), root_key, &h, &head, &seen));
		ours.data[i] ^= 1;
	}
	for (size_t size = 0; size < ours.size; size++)
		assert_null(mark_check(bytes_of(ours.data, size), root_key, &h, &head, &seen));
}

static void incarnations_are_kept_within_bounds(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	OK(store_open_memory(&store));
	for (uint64_t i = 1; i <= 1005; i++) {
		CLEANUP(transaction_free) struct transaction *txn = NULL;
		CLEANUP(history_free) struct history h = { 0 };
		OK(store_begin(store, &txn));
		OK(history_load(txn, &h));
		OK(history_extend(txn, i, &h));
		OK(transaction_commit(&txn));
		assert_true(h.count <= 1000);
		assert_int_equal(h.items[h.count - 1].first_epoch, i);
		assert_int_equal(h.truncated, i > 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epochs_belong_to_incarnations),
		cmocka_unit_test(what_is_forgotten_says_nothing),
		cmocka_unit_test(only_the_root_key_says_anything),
		cmocka_unit_test(incarnations_are_kept_within_bounds),
	};
	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
