/* What the files of this room share. */
#pragma once
#include <pthread.h>

#include "coordinator/audit.h"
#include "coordinator/coordinator.h"
#include "coordinator/history.h"
#include "coordinator/running.h"
#include "store/recovery.h"

struct coordinator {
	struct coordinator_options options;
	pthread_mutex_t lock; /* of what follows, held to take or replace it only */
	struct mesh *mesh;
	struct audit_head audit;
	struct blob mark; /* of epoch mark_epoch */
	uint64_t mark_epoch;
	int64_t refusals_until; /* see refusal.c */
	struct history history; /* set when the state is opened */
	struct running running; /* has its own lock */
	pthread_mutex_t changing; /* held by the change under way; taken before `lock` */
	struct blob first_evidence; /* over the root certificate, without a nonce; goes with `mesh` */
	uint64_t counter_base, counter_value; /* see guard.c; by the transaction under way */
	struct recovery *recovery;  /* in state recovery, when anything can recover it; by `changing` */
};

/* Makes a snapshot with another root the present one; takes both over. */
void coordinator_publish_root(struct coordinator *c, struct mesh *mesh, struct blob *first_evidence);
/* Evidence over a root certificate, without a nonce. Empty in plain simulation. */
error *coordinator_issue_first(const struct coordinator *c, const struct mesh *mesh, struct blob *ret) MUST_USE;
/* This start of the coordinator is on record from the next commit on. */
error *coordinator_begin_incarnation(struct coordinator *c, struct transaction *txn) MUST_USE;
/* Makes a snapshot the present one; takes it over. */
void coordinator_publish(struct coordinator *c, struct mesh *mesh);
/* The bytes of a base view as the public headers have it. */
static inline struct marblerun_bytes public_bytes(bytes b)
{
	return (struct marblerun_bytes){ b.data, b.size };
}
