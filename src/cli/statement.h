/* What a coordinator says about itself: GET /api/v2/quote. */
#pragma once
#include "cli/chain_cache.h"
#include "codec/json.h"
#include "marblerun/verify.h"

struct coordinator_statement {
	struct blob nonce;            /* the one that was sent */
	struct blob evidence;
	struct blob chain_pem;
	struct blob peer_certificate; /* DER: what served the connection */
	struct blob state;            /* where state and log stand; empty: none was sent */
	json_t *collateral;           /* {file name: base64}; NULL: none was sent */
};
/* Fetches it over a connection that is not verified yet. */
error *statement_fetch(const char *address, const struct flag_values *flags,
		       struct coordinator_statement *ret) MUST_USE;
/* Evidence, policy, and that the connection is the root's. The verdict is filled in either case. */
error *statement_verify(const struct coordinator_statement *statement, const struct flag_values *flags,
			const char *policy_path, struct marblerun_verdict *ret) MUST_USE;
void statement_free(struct coordinator_statement *statement);
DEFINE_CLEANUP_IN_PLACE(statement_free, struct coordinator_statement)

/* "https://<address><path>"; refuses an address that is none. */
error *client_url(const char *address, const char *path, char **ret) MUST_USE;
/* Before anything else is asked for: is it one? */
error *client_address_check(const char *address) MUST_USE;
/* What a request failed with, or NULL: when nobody answered, also where somebody should. */
error *client_unreached(error *e, const char *address) MUST_USE;
