#include <openssl/evp.h>
#include <pthread.h>

#include "base/random.h"
#include "base/writer.h"
#include "store/backend.h"
#include "store/map.h"

struct store {
	const struct store_backend *backend;
	void *context;
	pthread_mutex_t writer; /* held by the transaction under way */
	struct map committed;
	pthread_mutex_t head_lock;
	struct store_head head;
};

struct transaction {
	struct store *store;
	struct map changes;
};

error *store_new(const struct store_backend *backend, void *context, struct store **ret)
{
	struct store *store = calloc(1, sizeof *store);
	if (!store || pthread_mutex_init(&store->writer, NULL) != 0) {
		free(store);
		backend->close(context);
		return error_no_memory();
	}
	pthread_mutex_init(&store->head_lock, NULL);
	store->backend = backend;
	store->context = context;
	*ret = store;
	return NULL;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store->backend->close(store->context);
	map_clear(&store->committed);
	pthread_mutex_destroy(&store->writer);
	pthread_mutex_destroy(&store->head_lock);
	free(store);
}

error *store_begin(struct store *store, struct transaction **ret)
{
	struct transaction *txn = calloc(1, sizeof *txn);
	TRY_ALLOC(txn);
	pthread_mutex_lock(&store->writer);
	txn->store = store;
	*ret = txn;
	return NULL;
}

error *transaction_get(struct transaction *txn, const char *name, bytes *ret)
{
	const struct map_entry *entry = map_find(&txn->changes, name);
	if (!entry)
		entry = map_find(&txn->store->committed, name);
	if (!entry || entry->deleted)
		return error_new(ERROR_NOT_FOUND, "the state holds no \"%s\"", name);
	*ret = secret_view(&entry->value);
	return NULL;
}

error *transaction_put(struct transaction *txn, const char *name, bytes value)
{
	CLEANUP(secret_free) struct secret copy = { 0 };
	TRY(secret_copy(value, &copy));
	return map_put(&txn->changes, name, &copy, false);
}

error *transaction_delete(struct transaction *txn, const char *name)
{
	struct secret nothing = { 0 };
	return map_put(&txn->changes, name, &nothing, true);
}

/* Both maps are walked into one, by name: what the transaction sees. */
struct merge {
	const char *prefix;
	struct map seen;
};

static error *merge_entry(void *context, struct map_entry *entry)
{
	struct merge *merge = context;
	if (strncmp(entry->name, merge->prefix, strlen(merge->prefix)) != 0)
		return NULL;
	CLEANUP(secret_free) struct secret copy = { 0 };
	TRY(secret_copy(secret_view(&entry->value), &copy));
	return map_put(&merge->seen, entry->name, &copy, entry->deleted);
}

struct visitor {
	error *(*visit)(void *context, const char *name, bytes value);
	void *context;
};

static error *visit_entry(void *context, struct map_entry *entry)
{
	struct visitor *visitor = context;
	if (entry->deleted)
		return NULL;
	return visitor->visit(visitor->context, entry->name, secret_view(&entry->value));
}

error *transaction_each(struct transaction *txn, const char *prefix,
			error *(*visit)(void *context, const char *name, bytes value), void *context)
{
	struct merge merge = { .prefix = prefix };
	struct visitor visitor = { visit, context };
	error *e = map_each(&txn->store->committed, merge_entry, &merge);
	if (!e)
		e = map_each(&txn->changes, merge_entry, &merge);
	if (!e)
		e = map_each(&merge.seen, visit_entry, &visitor);
	map_clear(&merge.seen);
	return e;
}

struct change_list {
	struct change *items;
	size_t count;
};

static error *list_change(void *context, struct map_entry *entry)
{
	struct change_list *list = context;
	list->items[list->count++] =
		(struct change){ entry->name, secret_view(&entry->value), entry->deleted };
	return NULL;
}

/* The committed map gets room for every new name first: after the backend has said yes,
 * nothing may fail any more. */
static error *reserve_entry(void *context, struct map_entry *entry)
{
	struct store *store = context;
	struct secret nothing = { 0 };
	if (entry->deleted || map_find(&store->committed, entry->name))
		return NULL;
	return map_put(&store->committed, entry->name, &nothing, true);
}

static error *apply_entry(void *context, struct map_entry *entry)
{
	struct store *store = context;
	if (entry->deleted) {
		map_remove(&store->committed, entry->name);
		return NULL;
	}
	return map_put(&store->committed, entry->name, &entry->value, false);
}

static error *drop_reserved(void *context, struct map_entry *entry)
{
	struct store *store = context;
	struct map_entry *reserved = map_find(&store->committed, entry->name);
	if (reserved && reserved->deleted)
		map_remove(&store->committed, entry->name);
	return NULL;
}

void store_head(struct store *store, struct store_head *ret)
{
	pthread_mutex_lock(&store->head_lock);
	*ret = store->head;
	pthread_mutex_unlock(&store->head_lock);
}

static void write_sized(struct writer *w, bytes part)
{
	write_be32(w, (uint32_t)part.size);
	write_bytes(w, part);
}

static error *next_head(const struct store *store, const struct change_list *list, struct store_head *ret)
{
	static const char label[] = "marblerun state v1";
	CLEANUP(writer_free) struct writer w = { .secret = true };
	uint8_t blinding[32];
	TRY(random_fill(blinding, sizeof blinding));
	write_bytes(&w, bytes_of(label, sizeof label));
	write_be64(&w, store->head.epoch + 1);
	write_bytes(&w, BYTES_OF_ARRAY(store->head.digest));
	write_bytes(&w, BYTES_OF_ARRAY(blinding));
	for (size_t i = 0; i < list->count; i++) {
		write_sized(&w, bytes_of_string(list->items[i].name));
		write_u8(&w, !list->items[i].deleted);
		write_sized(&w, list->items[i].deleted ? BYTES_EMPTY : list->items[i].value);
	}
	TRY(writer_check(&w, "change"));
	if (EVP_Digest(w.data, w.size, ret->digest, NULL, EVP_sha256(), NULL) != 1)
		return error_new(ERROR_INTERNAL, "SHA-256 is not available");
	ret->epoch = store->head.epoch + 1;
	return NULL;
}

static void set_head(struct store *store, const struct store_head *head)
{
	pthread_mutex_lock(&store->head_lock);
	store->head = *head;
	pthread_mutex_unlock(&store->head_lock);
}

static error *commit_changes(struct transaction *txn)
{
	struct store *store = txn->store;
	if (!txn->changes.count)
		return NULL;
	struct store_head head;
	struct change_list list = { calloc(txn->changes.count, sizeof *list.items), 0 };
	TRY_ALLOC(list.items);
	error *e = map_each(&txn->changes, list_change, &list);
	if (!e)
		e = map_each(&txn->changes, reserve_entry, store);
	if (!e)
		e = next_head(store, &list, &head);
	if (!e)
		e = store->backend->commit(store->context, list.items, list.count, &head);
	free(list.items);
	if (!e) {
		set_head(store, &head);
		return map_each(&txn->changes, apply_entry, store);
	}
	error_free(map_each(&txn->changes, drop_reserved, store));
	return error_wrap(e, "the state is unchanged");
}

error *transaction_commit(struct transaction **txn)
{
	error *e = commit_changes(*txn);
	transaction_free(TAKE(*txn));
	return e;
}

void transaction_free(struct transaction *txn)
{
	if (!txn)
		return;
	pthread_mutex_unlock(&txn->store->writer);
	map_clear(&txn->changes);
	free(txn);
}
