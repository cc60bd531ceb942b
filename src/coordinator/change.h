/* A change of the deployment: one at a time, against a snapshot that stays true while it lasts. */
#pragma once
#include "coordinator/audit.h"
#include "coordinator/coordinator_internal.h"

struct change {
	struct coordinator *coordinator; /* NULL: not begun, or ended */
	struct transaction *txn;
	struct mesh *mesh; /* as it is before the change */
};
/* Waits for the change before it. */
error *change_begin(struct coordinator *c, struct change *ret) MUST_USE;
/* Commits what concerns no snapshot (counters, log entries). The change is ended in either case. */
error *change_commit(struct change *change) MUST_USE;
/* Reads the mesh as the transaction leaves it, commits, publishes. Ended in either case. */
error *change_commit_mesh(struct change *change) MUST_USE;
/* Gives it up, unless committed. */
void change_end(struct change *change);
DEFINE_CLEANUP_IN_PLACE(change_end, struct change)
