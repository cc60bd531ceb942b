#include <openssl/evp.h>
#include <pthread.h>

#include "base/blob.h"
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
	struct store_guard guard; /* and the following: by the transaction under way */
	bool stuck;
};

struct transaction {
	struct store *store;
	struct map changes;
	bool reseal;
	enum sealing_mode mode;
	struct secret state_key;
	struct blob public_section;
};

static void set_head(struct store *store, const struct store_head *head)
{
	pthread_mutex_lock(&store->head_lock);
	store->head = *head;
	pthread_mutex_unlock(&store->head_lock);
}

error *store_new(const struct store_backend *backend, void *context, struct map *read,
		 const struct store_head *head, struct store **ret)
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
	if (read) {
		store->committed = *read;
		*read = (struct map){ 0 };
	}
	if (head)
		store->head = *head;
	*ret = store;
	return NULL;
}

const char *store_locked(const struct store *store)
{
	return store->backend->locked ? store->backend->locked(store->context) : NULL;
}

bytes store_public(const struct store *store)
{
	return store->backend->public_section ? store->backend->public_section(store->context) : BYTES_EMPTY;
}

bool store_gives_way(const struct store *store)
{
	bool foreign = store->backend->foreign && store->backend->foreign(store->context);
	return !foreign && !store_public(store).size;
}

error *store_unlock(struct store *store, bytes state_key)
{
	struct map read = { 0 };
	struct store_head head;
	if (!store_locked(store))
		return error_new(ERROR_WRONG_STATE, "the state is not locked");
	TRY(store->backend->unlock(store->context, state_key, &read, &head));
	pthread_mutex_lock(&store->writer);
	map_clear(&store->committed);
	store->committed = read;
	set_head(store, &head);
	pthread_mutex_unlock(&store->writer);
	return NULL;
}

void store_lock(struct store *store, const char *why)
{
	static const struct store_head none;
	if (!store->backend->lock)
		return;
	pthread_mutex_lock(&store->writer);
	store->backend->lock(store->context, why);
	map_clear(&store->committed);
	set_head(store, &none);
	pthread_mutex_unlock(&store->writer);
}

void store_set_guard(struct store *store, struct store_guard guard)
{
	store->guard = guard;
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

error *transaction_reseal(struct transaction *txn, const struct sealing *sealing)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	CLEANUP(blob_free) struct blob public_section = { 0 };
	TRY(secret_copy(sealing->state_key, &key));
	TRY(blob_copy(sealing->public_section, &public_section));
	secret_free(&txn->state_key);
	blob_free(&txn->public_section);
	txn->reseal = true;
	txn->mode = sealing->mode;
	txn->state_key = secret_take(&key);
	txn->public_section = blob_take(&public_section);
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

static error *list_present(void *context, struct map_entry *entry)
{
	return entry->deleted ? NULL : list_change(context, entry);
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

/* Everything as it will be: what is committed, under the changes. */
static error *rewrite(struct transaction *txn, const struct store_head *head)
{
	struct store *store = txn->store;
	struct merge merge = { .prefix = "" };
	struct change_list all = { 0 };
	const struct sealing anew = { txn->mode, secret_view(&txn->state_key),
				      blob_view(&txn->public_section) };
	error *e = store_locked(store) ? NULL : map_each(&store->committed, merge_entry, &merge);
	if (!e)
		e = map_each(&txn->changes, merge_entry, &merge);
	if (!e) {
		all.items = calloc(merge.seen.count + 1, sizeof *all.items);
		e = all.items ? map_each(&merge.seen, list_present, &all) : error_no_memory();
	}
	if (!e)
		e = store->backend->rewrite(store->context, all.items, all.count, head,
					    txn->reseal ? &anew : NULL);
	free(all.items);
	map_clear(&merge.seen);
	return e;
}

static error *make_durable(struct transaction *txn, const struct change_list *list,
			   const struct store_head *head)
{
	struct store *store = txn->store;
	if (store->stuck)
		return error_new(ERROR_UNAVAILABLE, "an earlier commit was stored, but not confirmed: restart the "
				 "coordinator");
	if (txn->reseal && store->backend->rewrite)
		return rewrite(txn, head);
	if (store_locked(store) && !store_gives_way(store))
		return error_new(ERROR_WRONG_STATE, "the state is locked: %s", store_locked(store));
	if (store->backend->crowded && store->backend->crowded(store->context))
		return rewrite(txn, head);
	return store->backend->commit(store->context, list->items, list->count, head);
}

static error *confirm(struct store *store, uint64_t epoch)
{
	error *e = store->guard.committed ? store->guard.committed(store->guard.context, epoch) : NULL;
	store->stuck = e;
	return error_wrap(e, "the change is stored, but not confirmed");
}

static error *commit_changes(struct transaction *txn)
{
	struct store *store = txn->store;
	if (!txn->changes.count && !txn->reseal)
		return NULL;
	struct store_head head;
	struct change_list list = { calloc(txn->changes.count + 1, sizeof *list.items), 0 };
	TRY_ALLOC(list.items);
	error *e = map_each(&txn->changes, list_change, &list);
	if (!e)
		e = map_each(&txn->changes, reserve_entry, store);
	if (!e)
		e = next_head(store, &list, &head);
	if (!e)
		e = make_durable(txn, &list, &head);
	free(list.items);
	if (!e) {
		set_head(store, &head);
		e = map_each(&txn->changes, apply_entry, store);
		return e ? e : confirm(store, head.epoch);
	}
	error_free(map_each(&txn->changes, drop_reserved, store));
	return e;
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
	secret_free(&txn->state_key);
	blob_free(&txn->public_section);
	free(txn);
}
