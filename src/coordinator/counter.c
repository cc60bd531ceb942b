/* Monotonic counters of marbles: feature MonotonicCounter. */
#include "base/reader.h"
#include "codec/hex.h"
#include "coordinator/change.h"
#include "coordinator/people.h"

enum { COUNTERS_MAX = 1000, COUNTER_NAME_MAX = 1024 };

/* Type and name are the marble's words: in hexadecimal, they cannot reach into each other. */
static error *counter_path(const char *type, const char *uuid, bytes name, struct arena *arena,
			   const char **ret_group, const char **ret_path)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_string(&w, "counters/");
	write_hex(&w, bytes_of_string(type));
	write_format(&w, "/%s/", uuid);
	TRY(writer_check(&w, "counter"));
	*ret_group = arena_string(arena, writer_view(&w));
	write_hex(&w, name);
	TRY(writer_check(&w, "counter"));
	*ret_path = arena_string(arena, writer_view(&w));
	return *ret_group && *ret_path ? NULL : error_no_memory();
}

static error *count_one(void *context, const char *name, bytes value)
{
	(void)name, (void)value;
	++*(size_t *)context;
	return NULL;
}

static error *read_counter(struct transaction *txn, const char *group, const char *path, uint64_t *ret)
{
	bytes stored;
	size_t count = 0;
	error *e = transaction_get(txn, path, &stored);
	if (!e) {
		struct reader r = reader_of(stored);
		*ret = read_be64(&r);
		return reader_finish(&r, "counter");
	}
	if (error_code(e) != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	TRY(transaction_each(txn, group, count_one, &count));
	if (count >= COUNTERS_MAX)
		return error_new(ERROR_TOO_LARGE, "the marble has %d counters already", COUNTERS_MAX);
	*ret = 0;
	return NULL;
}

static error *raise_counter(struct transaction *txn, const char *path, uint64_t value)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_be64(&w, value);
	TRY(writer_check(&w, "counter"));
	return transaction_put(txn, path, writer_view(&w));
}

static error *check_feature(const struct mesh *mesh)
{
	TRY(state_require(mesh->state, REQUEST_COUNTER));
	if (mesh->manifest->config.features & FEATURE_MONOTONIC_COUNTER)
		return NULL;
	return error_new(ERROR_DENIED, "the feature MonotonicCounter is not enabled: the manifest's "
			 "Config.FeatureGates does not name it");
}

error *coordinator_monotonic_counter(struct coordinator *c, bytes marble_certificate, bytes name,
				     uint64_t value, int64_t now, uint64_t *ret_previous)
{
	CLEANUP(arena_free) struct arena arena = { 0 };
	CLEANUP(change_end) struct change change = { 0 };
	CLEANUP_FREE char *type = NULL;
	char uuid[37];
	const char *group, *path;
	uint64_t previous = 0;
	TRY(change_begin(c, &change));
	TRY(check_feature(change.mesh));
	TRY(ca_marble_identity(&change.mesh->ca, marble_certificate, now, uuid, &type));
	if (!manifest_marble(change.mesh->manifest, type))
		return error_new(ERROR_DENIED, "the manifest has no marble of that type any more");
	if (name.size > COUNTER_NAME_MAX)
		return error_new(ERROR_INVALID, "name: at most %d bytes are expected", COUNTER_NAME_MAX);
	TRY(counter_path(type, uuid, name, &arena, &group, &path));
	TRY(read_counter(change.txn, group, path, &previous));
	if (value > previous) {
		TRY(raise_counter(change.txn, path, value));
		TRY(change_commit(&change));
	}
	*ret_previous = previous;
	return NULL;
}
