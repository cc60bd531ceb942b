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

/* What a coordinator says about itself: GET /api/v2/quote, or rpc.Marble/Attest. */
struct marblerun_statement {
	struct marblerun_bytes evidence;
	struct marblerun_bytes certificate_chain; /* PEM: intermediate, then root */
	struct marblerun_bytes nonce;             /* the caller's own; not given: as old as it may be */
	struct marblerun_bytes peer_certificate;  /* DER: what the TLS connection was served with */
	enum marblerun_channel channel;
	const struct marblerun_collateral *collateral; /* NULL: none */
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
