/* A hardware counter that goes up with every epoch of the state: so an older state does not open any more, where
 * marks and statements only tell of it.
 *
 * The counter's value is the epoch plus a base that the state holds. A commit is written first; then the counter
 * is raised; then the commit is acknowledged. A counter one below is that of a commit that was never
 * acknowledged; any other difference is a state that is not the newest. */
#pragma once
#include "coordinator/coordinator_internal.h"

/* Is the state that was opened the newest? Takes the counter into use from the next commit on, making one when
 * there is none yet. ERROR_DENIED when it is not, or when the state has a counter that is not given. */
error *guard_check(struct coordinator *c, struct transaction *txn) MUST_USE;
/* A new counter, whatever there was. Does nothing where there is no hardware. */
error *guard_begin(struct coordinator *c, struct transaction *txn) MUST_USE;
