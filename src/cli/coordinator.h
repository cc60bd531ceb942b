/* A coordinator at the other end, verified, and the requests to it. */
#pragma once
#include "cli/chain_cache.h"
#include "cli/command.h"
#include "cli/identity.h"
#include "codec/json.h"
#include "marblerun/verify.h"
#include "net/http_client.h"

enum trust {
	TRUST_ATTESTED, /* its evidence was verified just now */
	TRUST_KEPT,     /* its root is the one that was verified before */
	TRUST_INSECURE, /* --insecure */
};
struct coordinator {
	const char *address; /* borrowed */
	enum trust trust;
	struct chain chain;
	struct marblerun_verdict verdict; /* with TRUST_ATTESTED */
	struct http_client *client;       /* every request goes to exactly the root */
};

/* Verifies the coordinator's statement on a connection of its own, with a fresh nonce; requests then
 * go only to the root certificate that this vouches for. With --insecure, its statement is believed,
 * with a warning. Refuses when neither policy nor --insecure is given. */
error *coordinator_verify(const struct invocation *call, const char *address, struct coordinator *ret)
	MUST_USE;
/* For what only asks: as above when --era-config or --insecure is given, else connects to the
 * coordinator whose certificate is kept. */
error *coordinator_open(const struct invocation *call, const char *address, struct coordinator *ret)
	MUST_USE;
/* From here on requests come from this user. The coordinator must be open. */
error *coordinator_authenticate(struct coordinator *c, const struct identity *who) MUST_USE;
/* The data of the answer; `body` NULL: GET, else POST of that JSON. */
error *coordinator_request(struct coordinator *c, const char *path, const json_t *body, json_t **ret)
	MUST_USE;
/* Keeps the verified chain for later. Not with --insecure. */
error *coordinator_keep(const struct invocation *call, const struct coordinator *c) MUST_USE;
void coordinator_close(struct coordinator *c);
DEFINE_CLEANUP_IN_PLACE(coordinator_close, struct coordinator)
