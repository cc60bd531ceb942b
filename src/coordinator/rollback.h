/* What the mesh knows of its coordinator's state: marks for marbles, and what their marks tell. */
#pragma once
#include "coordinator/coordinator_internal.h"

/* The mark of the state as it stands, for a marble that is let in. */
error *rollback_mark(struct coordinator *c, const struct mesh *mesh, struct blob *ret) MUST_USE;
/* Looks at the mark that a marble has brought (empty: none). A contradiction is recorded in the state and
 * the log; ERROR_DENIED when the manifest says so (Config.StopOnRollback), now or from an earlier one. */
error *rollback_check(struct coordinator *c, const struct mesh *mesh, bytes mark, const char *marble_type,
		      const char *uuid, int64_t now) MUST_USE;
