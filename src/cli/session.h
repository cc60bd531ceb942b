/* A verified connection to a coordinator. */
#pragma once
#include <jansson.h>
#include <openssl/x509.h>

#include "base/blob.h"
#include "cli/command.h"
#include "marblerun/verify.h"
#include "net/http_client.h"

struct session {
	const char *address;
	struct http_client *client;  /* trusts exactly the root */
	X509 *intermediate, *root;   /* intermediate NULL when only the root was kept */
	char *chain_pem;
	bool verified;               /* evidence and policy, in this session */
	struct marblerun_verdict verdict;
};
void session_close(struct session *session);
DEFINE_CLEANUP_IN_PLACE(session_close, struct session)

/* Verifies the coordinator by its evidence (or not at all, loudly, with --insecure). */
error *session_verify(const struct options *options, const char *address, struct session *ret) MUST_USE;
/* Verifies when a policy or --insecure is given, else trusts the chain that was kept before. */
error *session_open(const struct options *options, const char *address, struct session *ret) MUST_USE;
/* Keeps the chain for later. */
error *session_keep(const struct options *options, const struct session *session) MUST_USE;
/* GET (body NULL) or POST of JSON; gives the answer's data. What the coordinator refuses becomes an
 * error with its words. */
error *session_request(struct session *session, const char *path, json_t *body, json_t **ret_data) MUST_USE;
