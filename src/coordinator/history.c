#include "coordinator/history.h"

#include <openssl/err.h>

#include "base/random.h"
#include "base/reader.h"

enum { INCARNATIONS_MAX = 1000 };
static const char stored_name[] = "incarnations";
static const char label[] = "marblerun state mark v1"; /* signed with its NUL */

static error *parse(bytes stored, struct history *history)
{
	struct reader r = reader_of(stored);
	history->truncated = read_u8(&r);
	size_t count = r.rest.size / (INCARNATION_SIZE + 8);
	history->items = calloc(count + 1, sizeof *history->items);
	TRY_ALLOC(history->items);
	for (; history->count < count; history->count++) {
		struct incarnation *item = &history->items[history->count];
		read_into(&r, item->name, sizeof item->name);
		item->first_epoch = read_be64(&r);
	}
	return reader_finish(&r, stored_name);
}

error *history_load(struct transaction *txn, struct history *ret)
{
	CLEANUP(history_free) struct history history = { 0 };
	bytes stored;
	error *e = transaction_get(txn, stored_name, &stored);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		stored = BYTES_OF_ARRAY("");
	} else {
		TRY(e);
	}
	TRY(parse(stored, &history));
	*ret = history;
	history = (struct history){ 0 };
	return NULL;
}

error *history_extend(struct transaction *txn, uint64_t epoch, struct history *history)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	if (history->count >= INCARNATIONS_MAX) {
		memmove(history->items, history->items + 1, --history->count * sizeof *history->items);
		history->truncated = true;
	}
	struct incarnation *items = reallocarray(history->items, history->count + 1, sizeof *items);
	TRY_ALLOC(items);
	history->items = items;
	struct incarnation *present = &items[history->count];
	TRY(random_fill(present->name, sizeof present->name));
	present->first_epoch = epoch;
	history->count++;
	write_u8(&w, history->truncated);
	for (size_t i = 0; i < history->count; i++) {
		write_bytes(&w, BYTES_OF_ARRAY(items[i].name));
		write_be64(&w, items[i].first_epoch);
	}
	TRY(writer_check(&w, stored_name));
	return transaction_put(txn, stored_name, writer_view(&w));
}

void history_free(struct history *history)
{
	free(history->items);
	*history = (struct history){ 0 };
}

void write_mark(struct writer *w, const struct history *history, const struct store_head *head)
{
	static const uint8_t none[INCARNATION_SIZE];
	write_be64(w, head->epoch);
	write_bytes(w, history->count ? BYTES_OF_ARRAY(history->items[history->count - 1].name) :
					BYTES_OF_ARRAY(none));
	write_bytes(w, BYTES_OF_ARRAY(head->digest));
}

error *mark_sign(const struct history *history, const struct store_head *head, EVP_PKEY *root_key,
		 struct blob *ret)
{
	CLEANUP(writer_free) struct writer text = { 0 }, mark = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	write_bytes(&text, bytes_of(label, sizeof label));
	write_mark(&text, history, head);
	TRY(writer_check(&text, "state mark"));
	TRY(key_sign(root_key, writer_view(&text), &signature));
	write_mark(&mark, history, head);
	write_bytes(&mark, blob_view(&signature));
	return blob_of_writer(&mark, "state mark", ret);
}

static bool is_ours(bytes mark, EVP_PKEY *root_key)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bytes signature = bytes_slice(mark, MARK_SIZE, SIZE_MAX);
	write_bytes(&text, bytes_of(label, sizeof label));
	write_bytes(&text, bytes_slice(mark, 0, MARK_SIZE));
	bool good = context && !text.failed && mark.size > MARK_SIZE && mark.size <= MARK_MAX &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, root_key) == 1 &&
		    EVP_DigestVerify(context, signature.data, signature.size, text.data, text.size) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

static const struct incarnation *find(const struct history *history, const uint8_t *name)
{
	for (size_t i = 0; i < history->count; i++)
		if (memcmp(history->items[i].name, name, INCARNATION_SIZE) == 0)
			return &history->items[i];
	return NULL;
}

error *mark_check(bytes mark, EVP_PKEY *root_key, const struct history *history, const struct store_head *head,
		  uint64_t *ret_epoch)
{
	uint8_t name[INCARNATION_SIZE];
	struct reader r = reader_of(mark);
	*ret_epoch = 0;
	if (!mark.size || !is_ours(mark, root_key))
		return NULL;
	uint64_t epoch = read_be64(&r);
	read_into(&r, name, sizeof name);
	*ret_epoch = epoch;
	const struct incarnation *found = find(history, name);
	const struct incarnation *end = history->items + history->count;
	/* Forgotten ones are older than all that are listed. */
	bool forgotten = !found && history->truncated && history->count && epoch < history->items[0].first_epoch;
	uint64_t beyond = found && found + 1 < end ? found[1].first_epoch : head->epoch + 1;
	if (forgotten || (found && epoch >= found->first_epoch && epoch < beyond))
		return NULL;
	return error_new(ERROR_DENIED, "the state was rolled back: a marble has seen epoch %llu of a history that "
			 "this state, at epoch %llu, does not have", (unsigned long long)epoch,
			 (unsigned long long)head->epoch);
}
