/* The history of the state, for noticing that the host has put an older one back.
 *
 * Each start of a coordinator is an incarnation with a random name. The state lists them, each with the
 * epoch of its first commit; so the epochs of an incarnation end where the next begins. A mark (name,
 * epoch, digest, signed by the root key) says where the state stood when a marble was let in. A mark that
 * the list contradicts comes from a history that this state has lost. */
#pragma once
#include "pki/key.h"
#include "store/store.h"

enum { INCARNATION_SIZE = 16, MARK_SIZE = 8 + INCARNATION_SIZE + 32, MARK_MAX = 512 };

struct incarnation {
	uint8_t name[INCARNATION_SIZE];
	uint64_t first_epoch;
};
struct history {
	struct incarnation *items; /* oldest first; the last is the present one */
	size_t count;
	bool truncated;            /* older ones are forgotten */
};
error *history_load(struct transaction *txn, struct history *ret) MUST_USE;
/* Adds the present incarnation, whose first commit will be `epoch`; stores the list. */
error *history_extend(struct transaction *txn, uint64_t epoch, struct history *history) MUST_USE;
void history_free(struct history *history);
DEFINE_CLEANUP_IN_PLACE(history_free, struct history)

/* be64 epoch, name of the present incarnation, digest. */
void write_mark(struct writer *w, const struct history *history, const struct store_head *head);
/* A mark and the root key's signature over it. */
error *mark_sign(const struct history *history, const struct store_head *head, EVP_PKEY *root_key,
		 struct blob *ret) MUST_USE;
/* ERROR_DENIED when the mark is ours but not of this history. A mark with another signature is none of
 * this deployment: it says nothing. *ret_epoch: of a mark that is ours. */
error *mark_check(bytes mark, EVP_PKEY *root_key, const struct history *history, const struct store_head *head,
		  uint64_t *ret_epoch) MUST_USE;
