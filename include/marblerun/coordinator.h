/* Marblerun: verify a coordinator, and with it everything that its manifest vouches for.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "marblerun/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which of the coordinator's keys must serve the connection on which the statement came. */
enum marblerun_channel {
	MARBLERUN_CHANNEL_CLIENT_API = 1, /* HTTPS: exactly the root certificate */
	MARBLERUN_CHANNEL_MARBLE_API,     /* gRPC: a certificate with the intermediate's key */
};

/* Where a coordinator's state and log stand. In bytes: be64 epoch, incarnation, digest, be64 log entries, log
 * digest (96 bytes); report data bytes 32 to 63 of evidence with a nonce are
 * SHA-256(MARBLERUN_STATE_LABEL, NUL, those bytes). */
#define MARBLERUN_STATE_LABEL "marblerun statement v1"
enum { MARBLERUN_STATE_SIZE = 96 };
struct marblerun_state {
	uint64_t epoch;          /* commits since the deployment began */
	uint8_t incarnation[16]; /* random, of this start of the coordinator */
	uint8_t digest[32];      /* of the history of the state */
	uint64_t log_entries;    /* of the audit log */
	uint8_t log_digest[32];  /* of its last entry, which covers all before */
};
/* 0; 1 when `state` has another size. */
MARBLERUN_EXPORT int marblerun_state_parse(struct marblerun_bytes state, struct marblerun_state *ret);

/* What a coordinator says about itself: GET /api/v2/quote, or rpc.Marble/Attest. */
struct marblerun_statement {
	struct marblerun_bytes evidence;
	struct marblerun_bytes certificate_chain; /* PEM: intermediate, then root */
	struct marblerun_bytes nonce;             /* the caller's own; not given: as old as it may be */
	struct marblerun_bytes peer_certificate;  /* DER: what the TLS connection was served with */
	enum marblerun_channel channel;
	const struct marblerun_collateral *collateral; /* NULL: none */
	struct marblerun_bytes state; /* as it came; not given: the coordinator sent none */
};

/* Verifies at time `at` (seconds since 1970), in this order: the chain (the intermediate is signed by
 * the root), that the connection is served with the key that `channel` wants, the evidence, that its
 * report data begin with SHA-256(root certificate DER, nonce), the policy. Returns 0; or 1 with a
 * reason. *ret (may be NULL) holds the verdict on the evidence as far as it was looked at. */
MARBLERUN_EXPORT int marblerun_verify_coordinator(marblerun_verifier *verifier,
						  const struct marblerun_statement *statement,
						  const marblerun_policy *policy, int64_t at,
						  struct marblerun_verdict *ret,
						  char reason[MARBLERUN_REASON_SIZE]);

#ifdef __cplusplus
}
#endif
