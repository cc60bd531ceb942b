#include "coordinator/secret_set.h"

#include <stdio.h>

#include "base/reader.h"

bool secret_set_find(const struct secret_set *set, bytes name, size_t *ret_index)
{
	size_t low = 0, high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = bytes_compare(bytes_of_string(set->definitions[middle].name), name);
		if (order == 0) {
			*ret_index = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Stored as: version 1, then private part, public part, certificate, each behind its be32 size. */
enum { STORED_VERSION = 1 };

error *secret_set_store(struct transaction *txn, const char *prefix, const struct secret_value *value)
{
	CLEANUP(writer_free) struct writer stored = { .secret = true };
	CLEANUP_FREE char *name = NULL;
	if (asprintf(&name, "%s%s", prefix, value->definition->name) < 0) {
		name = NULL;
		return error_no_memory();
	}
	write_u8(&stored, STORED_VERSION);
	write_sized(&stored, secret_view(&value->private_part));
	write_sized(&stored, blob_view(&value->public_part));
	write_sized(&stored, blob_view(&value->certificate));
	TRY(writer_check(&stored, name));
	return transaction_put(txn, name, writer_view(&stored));
}

static bytes read_sized(struct reader *r)
{
	uint32_t size = read_be32(r);
	return read_view(r, size);
}

static error *parse_stored(bytes stored, struct secret_value *value)
{
	struct reader r = reader_of(stored);
	uint8_t version = read_u8(&r);
	bytes private_part = read_sized(&r), public_part = read_sized(&r),
	      certificate = read_sized(&r);
	TRY(reader_finish(&r, "stored secret"));
	if (version != STORED_VERSION)
		return error_new(ERROR_INTERNAL, "stored secret has version %d", version);
	TRY(secret_copy(private_part, &value->private_part));
	TRY(blob_copy(public_part, &value->public_part));
	TRY(blob_copy(certificate, &value->certificate));
	value->is_set = true;
	return NULL;
}

struct loading {
	struct secret_set *set;
	size_t prefix_length;
};

static error *load_value(void *context, const char *name, bytes stored)
{
	struct loading *loading = context;
	size_t index;
	name += loading->prefix_length;
	if (!secret_set_find(loading->set, bytes_of_string(name), &index))
		return error_new(ERROR_INTERNAL, "the state holds a secret \"%s\" that the manifest "
				 "does not define", name);
	TRY_CTX(parse_stored(stored, &loading->set->values[index]), "secret \"%s\"", name);
	return NULL;
}

error *secret_set_load(struct transaction *txn, const char *prefix, const char *root_name,
		       const struct secret_definition *definitions, size_t count,
		       struct secret_set *ret)
{
	CLEANUP(secret_set_free) struct secret_set set = { definitions, count, NULL, { 0 } };
	bytes root;
	set.values = calloc(count ? count : 1, sizeof *set.values);
	TRY_ALLOC(set.values);
	for (size_t i = 0; i < count; i++)
		set.values[i].definition = &definitions[i];
	TRY(transaction_get(txn, root_name, &root));
	TRY(secret_copy(root, &set.root_secret));
	struct loading loading = { &set, strlen(prefix) };
	TRY(transaction_each(txn, prefix, load_value, &loading));
	*ret = set;
	set = (struct secret_set){ 0 };
	return NULL;
}

void secret_set_free(struct secret_set *set)
{
	for (size_t i = 0; set->values && i < set->count; i++)
		secret_value_free(&set->values[i]);
	free(set->values);
	secret_free(&set->root_secret);
	*set = (struct secret_set){ 0 };
}
