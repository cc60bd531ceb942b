/* State that lives as long as the deployment: names and values, changed in transactions.
 *
 * One transaction at a time writes; it sees its own changes; commit makes all of them durable or
 * none. Names are paths like "activations/frontend". Values may be secret: they are wiped. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

struct store;
struct transaction;

/* Where the state stands: how many commits there were since the deployment began, and a digest that
 * covers them all: SHA-256("marblerun state v1", NUL, be64 epoch, digest before (32 zeros at first), 32
 * random bytes that nobody learns (so that the digest, which is public, tells nothing of values that can be
 * guessed), and for each changed name in byte order: be32 size and name, 1 or 0 (deleted), be32 size and
 * value). */
struct store_head {
	uint64_t epoch;
	uint8_t digest[32];
};
/* As the last commit left it. Waits for no transaction. */
void store_head(struct store *store, struct store_head *ret);

/* Keeps nothing when the process ends. */
error *store_open_memory(struct store **ret) MUST_USE;
/* Why the state can't be read: its key is not there or does not fit. NULL: it can. A locked store shows
 * nothing; a transaction that reseals it discards what it held, as does any when it gives way. */
const char *store_locked(const struct store *store);
/* Of a locked state: nothing can ever open it, and it is known to be of this kind: one without a public section. What
 * another program, or a later version, has written does not give way. */
bool store_gives_way(const struct store *store);
/* Of a locked state: what stands beside it unencrypted. Anybody may have written it. */
bytes store_public(const struct store *store);
/* Tries a state key. ERROR_DENIED when the state does not open with it, all of it: it stays locked. */
error *store_unlock(struct store *store, bytes state_key) MUST_USE;
/* Locks it again: what was read is forgotten. */
void store_lock(struct store *store, const char *why);

/* Told of each commit that is durable, before it is acknowledged: whatever else must happen for it to count.
 * When that fails, the store takes no further commits. */
struct store_guard {
	void *context;
	error *(*committed)(void *context, uint64_t epoch);
};
void store_set_guard(struct store *store, struct store_guard guard);

void store_close(struct store *store);
DEFINE_CLEANUP(store_close, struct store *)

/* Waits for the transaction before it. End it with commit or transaction_free. */
error *store_begin(struct store *store, struct transaction **ret) MUST_USE;
/* A view valid until the transaction changes that name or ends. ERROR_NOT_FOUND. */
error *transaction_get(struct transaction *txn, const char *name, bytes *ret) MUST_USE;
error *transaction_put(struct transaction *txn, const char *name, bytes value) MUST_USE;
/* What is not there is deleted already. */
error *transaction_delete(struct transaction *txn, const char *name) MUST_USE;
/* Calls `visit` for every name that starts with `prefix`, in byte order; stops at an error. */
error *transaction_each(struct transaction *txn, const char *prefix,
			error *(*visit)(void *context, const char *name, bytes value),
			void *context) MUST_USE;
/* How the state is to be sealed from this commit on. */
enum sealing_mode { SEALED_FOR_NOBODY, SEALED_FOR_PRODUCT, SEALED_FOR_UNIQUE };
struct sealing {
	enum sealing_mode mode; /* disabled: only recovery opens it after a restart */
	bytes state_key;        /* 32 bytes */
	bytes public_section;   /* what may be read without it */
};
/* The commit writes everything anew, sealed so. Copies what it is given. */
error *transaction_reseal(struct transaction *txn, const struct sealing *sealing) MUST_USE;
/* Ends the transaction in either case. After an error nothing of it has happened. */
error *transaction_commit(struct transaction **txn) MUST_USE;
/* Gives it up, unless committed. NULL is accepted. */
void transaction_free(struct transaction *txn);
DEFINE_CLEANUP(transaction_free, struct transaction *)
