/* TCB infos: Intel, "SGX and TDX Provisioning Certification Service API", version 4, TcbInfo; versions 2 (SGX only)
 * and 3. */
#pragma once
#include "attest/sgx/pck.h"
#include "attest/window.h"
#include "codec/json.h"
#include "marblerun/verify.h"

/* What a level says: the outcome of matching. */
struct tcb_outcome {
	enum marblerun_tcb_status status;
	int64_t date;
	const json_t *advisories; /* array of strings or NULL; borrowed */
};
/* From a level as JSON. ERROR_INVALID when its status is none that we know. */
error *tcb_outcome_read(const json_t *level, const char *document, struct tcb_outcome *ret) MUST_USE;

/* What a platform must reach for a level, and what the level says then. */
struct tcb_level {
	uint8_t sgx[16], tdx[16]; /* component SVNs; those of TDX are zero in a TCB info for SGX */
	uint16_t pce_svn;
	enum marblerun_tcb_status status; /* UNKNOWN: one that we don't know; nothing may rest on it */
	int64_t date;
	json_t *advisories; /* NULL: none */
};
/* Levels are kept as numbers: as JSON trees, those of one TCB info take some 80 KB. */
struct tcb_info {
	json_t *head; /* all members but the levels */
	struct tcb_level *levels;
	size_t level_count;
};
/* From the body that was signed. `tee` is "SGX" or "TDX". */
error *tcb_info_read(bytes body, const char *tee, struct tcb_info *ret) MUST_USE;
void tcb_info_free(struct tcb_info *info);
DEFINE_CLEANUP_IN_PLACE(tcb_info_free, struct tcb_info)
/* Is it for that TEE and platform, valid, and of a version that we know? */
error *tcb_info_check(const struct tcb_info *info, const char *tee, const struct pck *pck, int64_t at,
		      struct window *window) MUST_USE;
/* What the level says; ERROR_INVALID when its status is unknown. */
error *tcb_level_outcome(const struct tcb_level *level, struct tcb_outcome *ret) MUST_USE;
