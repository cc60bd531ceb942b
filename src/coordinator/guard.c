#include "coordinator/guard.h"

#include "base/reader.h"

enum { AUTH_SIZE = 32 };
static const char stored_name[] = "hardware-counter"; /* auth, be32 index, be64 base */

static error *committed(void *context, uint64_t epoch)
{
	struct coordinator *c = context;
	uint64_t wanted = c->counter_base + epoch;
	while (c->counter_value != wanted) {
		if (wanted - c->counter_value > 1)
			return error_new(ERROR_INTERNAL, "the hardware counter is more than one behind");
		TRY(c->options.counter->increment(c->options.counter->context));
		c->counter_value++;
	}
	return NULL;
}

static uint64_t next_epoch(const struct coordinator *c)
{
	struct store_head head;
	store_head(c->options.store, &head);
	return head.epoch + 1;
}

error *guard_begin(struct coordinator *c, struct transaction *txn)
{
	const struct hardware_counter *counter = c->options.counter;
	CLEANUP(secret_free) struct secret auth = { 0 };
	CLEANUP(writer_free) struct writer stored = { .secret = true };
	uint32_t index;
	if (!counter)
		return NULL;
	TRY(secret_random(AUTH_SIZE, &auth));
	TRY(counter->provision(counter->context, secret_view(&auth), &index));
	TRY(counter->read(counter->context, &c->counter_value));
	/* Wraps around where the counter is below the epoch; the sum wraps back. */
	c->counter_base = c->counter_value - next_epoch(c);
	write_bytes(&stored, secret_view(&auth));
	write_be32(&stored, index);
	write_be64(&stored, c->counter_base);
	TRY(writer_check(&stored, stored_name));
	TRY(transaction_put(txn, stored_name, writer_view(&stored)));
	store_set_guard(c->options.store, (struct store_guard){ c, committed });
	return NULL;
}

static error *resume(struct coordinator *c, bytes stored)
{
	const struct hardware_counter *counter = c->options.counter;
	struct reader r = reader_of(stored);
	bytes auth = read_view(&r, AUTH_SIZE);
	uint32_t index = read_be32(&r);
	c->counter_base = read_be64(&r);
	TRY(reader_finish(&r, stored_name));
	if (!counter)
		return error_new(ERROR_DENIED, "the state is guarded by a hardware counter, and none is given: set "
				 "MARBLERUN_TPM, or recover the state");
	error *e = counter->use(counter->context, index, auth);
	if (e && error_code(e) == ERROR_NOT_FOUND)
		return error_recode(e, ERROR_DENIED);
	TRY(e);
	TRY(counter->read(counter->context, &c->counter_value));
	uint64_t wanted = c->counter_base + next_epoch(c) - 1;
	if (c->counter_value != wanted && c->counter_value + 1 != wanted)
		return error_new(ERROR_DENIED, "the state is not the newest: the hardware counter stands at %llu, the "
				 "state belongs to %llu", (unsigned long long)c->counter_value,
				 (unsigned long long)wanted);
	store_set_guard(c->options.store, (struct store_guard){ c, committed });
	return committed(c, next_epoch(c) - 1);
}

error *guard_check(struct coordinator *c, struct transaction *txn)
{
	bytes stored;
	error *e = transaction_get(txn, stored_name, &stored);
	if (!e)
		return resume(c, stored);
	if (error_code(e) != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return guard_begin(c, txn);
}
