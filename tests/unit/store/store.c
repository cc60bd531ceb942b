/* Transactions: what they see, what a commit leaves, what a refused commit leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>

#include "store/backend.h"

#define OK(call) assert_null(call)

static bool backend_refuses;

static error *commit_or_refuse(void *context, const struct change *changes, size_t count,
			       const struct store_head *head)
{
	size_t *seen = context;
	(void)changes, (void)head;
	if (backend_refuses)
		return error_new(ERROR_UNAVAILABLE, "the disk is full");
	*seen += count;
	return NULL;
}

static void close_nothing(void *context)
{
	(void)context;
}

static const struct store_backend moody = { .commit = commit_or_refuse, .close = close_nothing };

static void put(struct store *store, const char *name, const char *value)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	OK(store_begin(store, &txn));
	OK(transaction_put(txn, name, bytes_of_string(value)));
	OK(transaction_commit(&txn));
	assert_null(txn);
}

static void expect(struct transaction *txn, const char *name, const char *value)
{
	bytes found;
	error *e = transaction_get(txn, name, &found);
	if (value) {
		assert_null(e);
		assert_true(bytes_equal_string(found, value));
		return;
	}
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_NOT_FOUND);
	error_free(e);
}

static void sees_its_own_changes_and_forgets_them(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	OK(store_open_memory(&store));
	put(store, "a", "1");
	struct transaction *txn;
	OK(store_begin(store, &txn));
	OK(transaction_put(txn, "a", bytes_of_string("2")));
	OK(transaction_put(txn, "b", bytes_of_string("3")));
	expect(txn, "a", "2");
	expect(txn, "b", "3");
	OK(transaction_delete(txn, "a"));
	expect(txn, "a", NULL);
	transaction_free(txn);
	OK(store_begin(store, &txn));
	expect(txn, "a", "1");
	expect(txn, "b", NULL);
	transaction_free(txn);
}

static error *collect(void *context, const char *name, bytes value)
{
	struct writer *w = context;
	write_format(w, "%s=%.*s ", name, (int)value.size, (const char *)value.data);
	return NULL;
}

static void walks_a_prefix_in_order(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	CLEANUP(writer_free) struct writer seen = { 0 };
	OK(store_open_memory(&store));
	put(store, "s/b", "1");
	put(store, "s/a", "2");
	put(store, "sx", "3");
	put(store, "s/d", "4");
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	OK(store_begin(store, &txn));
	OK(transaction_put(txn, "s/c", bytes_of_string("5")));
	OK(transaction_delete(txn, "s/d"));
	OK(transaction_each(txn, "s/", collect, &seen));
	assert_true(bytes_equal_string(writer_view(&seen), "s/a=2 s/b=1 s/c=5 "));
}

static void a_refused_commit_changes_nothing(void **state)
{
	(void)state;
	size_t count = 0;
	CLEANUP(store_close) struct store *store = NULL;
	OK(store_new(&moody, &count, NULL, NULL, &store));
	put(store, "kept", "old");
	backend_refuses = true;
	struct transaction *txn;
	OK(store_begin(store, &txn));
	OK(transaction_put(txn, "kept", bytes_of_string("new")));
	OK(transaction_put(txn, "fresh", bytes_of_string("x")));
	error *e = transaction_commit(&txn);
	assert_string_equal(error_message(e), "the disk is full");
	error_free(e);
	backend_refuses = false;
	OK(store_begin(store, &txn));
	expect(txn, "kept", "old");
	expect(txn, "fresh", NULL);
	CLEANUP(writer_free) struct writer seen = { 0 };
	OK(transaction_each(txn, "", collect, &seen));
	assert_true(bytes_equal_string(writer_view(&seen), "kept=old "));
	transaction_free(txn);
	assert_int_equal(count, 1);
}

static void *increment(void *context)
{
	for (int i = 0; i < 500; i++) {
		CLEANUP(transaction_free) struct transaction *txn = NULL;
		bytes value;
		char text[16];
		OK(store_begin(context, &txn));
		OK(transaction_get(txn, "n", &value));
		snprintf(text, sizeof text, "%.*s", (int)value.size, (const char *)value.data);
		snprintf(text, sizeof text, "%d", atoi(text) + 1);
		OK(transaction_put(txn, "n", bytes_of_string(text)));
		OK(transaction_commit(&txn));
	}
	return NULL;
}

static void transactions_wait_for_each_other(void **state)
{
	(void)state;
	pthread_t threads[4];
	CLEANUP(store_close) struct store *store = NULL;
	OK(store_open_memory(&store));
	put(store, "n", "0");
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, increment, store), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	OK(store_begin(store, &txn));
	expect(txn, "n", "2000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_its_own_changes_and_forgets_them),
		cmocka_unit_test(walks_a_prefix_in_order),
		cmocka_unit_test(a_refused_commit_changes_nothing),
		cmocka_unit_test(transactions_wait_for_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
