/* A verdict on evidence, for people and for scripts. */
#pragma once
#include "codec/json.h"
#include "marblerun/verify.h"

void verdict_print(const struct marblerun_verdict *verdict);
/* Adds members to an object: tee, simulated, debug, tcbStatus, advisories, tcbDate, validUntil, claims. */
error *verdict_to_json(const struct marblerun_verdict *verdict, json_t *to) MUST_USE;
/* What a judgement of evidence says: tee, status (null: it did not come so far), advisories, tcbDate,
 * validFrom, validUntil. */
error *verdict_judged_to_json(const struct marblerun_verdict *verdict, json_t *to) MUST_USE;
/* "2026-01-31T12:00:00Z" */
struct time_text {
	char text[32];
};
struct time_text time_text_of(int64_t seconds);
