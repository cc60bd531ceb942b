/* The newest state of each coordinator that was verified from here: one that comes back with an older one was
 * rolled back by its host. */
#pragma once
#include "cli/flags.h"
#include "codec/json.h"

/* Compares with what was seen before, and keeps the newer. `root`: DER of the root certificate, which names the
 * deployment; `state`: as it came and was verified, empty when the coordinator sends none. ERROR_DENIED for a
 * state that is older or of another history, unless --accept-rollback. */
error *seen_state_check(const struct flag_values *flags, bytes root, bytes state) MUST_USE;

struct audit_head;
struct audit_seen;
/* The heads of the audit log that were seen last, in a statement and by a check; none when none was. */
error *seen_log_load(const struct flag_values *flags, bytes root, struct audit_seen *ret) MUST_USE;
/* After the whole log was checked: keeps its head. ERROR_DENIED when it does not pass through what was seen
 * (as_seen), unless --accept-rollback. */
error *seen_log_keep(const struct flag_values *flags, bytes root, const struct audit_head *now, bool as_seen)
	MUST_USE;
