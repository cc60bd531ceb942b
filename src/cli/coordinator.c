#include "cli/coordinator.h"

#include <stdio.h>

#include "base/file.h"
#include "cli/jsend.h"
#include "cli/output.h"
#include "cli/policy.h"
#include "cli/seen_state.h"
#include "cli/statement.h"

void coordinator_close(struct coordinator *c)
{
	chain_free(&c->chain);
	http_client_free(c->client);
	*c = (struct coordinator){ 0 };
}

/* Requests from here on reach only a server that proves the key of exactly this root. */
static error *pin(struct coordinator *c)
{
	return http_client_new(&(struct http_client_options){ .trust = HTTP_TRUST_PINNED,
							      .pinned = c->chain.root }, &c->client);
}

error *coordinator_authenticate(struct coordinator *c, const struct identity *who)
{
	struct http_client *client;
	TRY(http_client_new(&(struct http_client_options){ .trust = HTTP_TRUST_PINNED,
							   .pinned = c->chain.root,
							   .certificate = who->certificate,
							   .key = who->key }, &client));
	http_client_free(c->client);
	c->client = client;
	return NULL;
}

static void warn_insecure(void)
{
	say_warning("--insecure: the coordinator is NOT verified; whoever answers at this address is "
		      "believed");
}

static void warn_of_claims(const struct marblerun_claims *claims)
{
	if (claims->simulated)
		say_warning("the coordinator runs on a simulated platform, which protects nothing");
	if (claims->debug)
		say_warning("the coordinator runs in a debug enclave, which can be read from outside");
}

static error *save_evidence(const struct invocation *call, const struct blob *evidence)
{
	const char *path = call->flags.values[FLAG_SAVE_SGX_QUOTE];
	if (path)
		TRY_CTX(file_replace(path, blob_view(evidence), 0644), "--save-sgx-quote");
	return NULL;
}

/* Without evidence at least the statement and the connection have to fit together. */
static error *check_consistent(const struct coordinator_statement *s, const struct chain *chain)
{
	CLEANUP(blob_free) struct blob root = { 0 };
	TRY(tls_certificate_der(chain->root, &root));
	if (!bytes_equal(blob_view(&root), blob_view(&s->peer_certificate)))
		return error_new(ERROR_DENIED, "the connection is not served with the root certificate that "
				 "the coordinator shows: somebody is in between");
	return NULL;
}

static error *no_policy(void)
{
	return error_new(ERROR_INVALID, "what the coordinator must be is not known: give --era-config FILE "
			 "(or put it into ./coordinator-era.json); or --insecure, for simulation, to "
			 "believe whoever answers");
}

static error *verify(const struct invocation *call, struct coordinator *c)
{
	CLEANUP(statement_free) struct coordinator_statement s = { 0 };
	bool insecure = flag_given(&call->flags, FLAG_INSECURE);
	const char *policy = policy_file(&call->flags);
	if (!insecure && !policy)
		return no_policy();
	if (insecure)
		warn_insecure();
	else if (!flag_given(&call->flags, FLAG_ERA_CONFIG))
		say_note("Using ./%s", policy);
	TRY(statement_fetch(c->address, &call->flags, &s));
	if (!insecure)
		TRY_CTX(statement_verify(&s, &call->flags, policy, &c->verdict), "%s", c->address);
	TRY_CTX(chain_of_pem(blob_view(&s.chain_pem), "certificate chain", &c->chain), "%s", c->address);
	if (!insecure)
		TRY_CTX(seen_state_check(&call->flags, blob_view(&s.peer_certificate), blob_view(&s.state)),
			"%s", c->address);
	if (insecure)
		TRY_CTX(check_consistent(&s, &c->chain), "%s", c->address);
	else
		warn_of_claims(&c->verdict.claims);
	c->trust = insecure ? TRUST_INSECURE : TRUST_ATTESTED;
	TRY(save_evidence(call, &s.evidence));
	return pin(c);
}

error *coordinator_verify(const struct invocation *call, const char *address, struct coordinator *ret)
{
	CLEANUP(coordinator_close) struct coordinator c = { .address = address };
	TRY(client_address_check(address));
	TRY(verify(call, &c));
	*ret = c;
	c = (struct coordinator){ 0 };
	return NULL;
}

static error *open_kept(const struct invocation *call, struct coordinator *c)
{
	CLEANUP_FREE char *path = NULL;
	TRY(chain_cache_path(&call->flags, &path));
	error *e = chain_cache_load(path, &c->chain);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		if (policy_file(&call->flags))
			return verify(call, c);
		return error_new(ERROR_NOT_FOUND, "no verified coordinator is known (%s): run 'marblerun "
				 "manifest verify' first, or give --era-config FILE, or --insecure", path);
	}
	TRY_CTX(e, "--coordinator-cert");
	c->trust = TRUST_KEPT;
	return pin(c);
}

error *coordinator_open(const struct invocation *call, const char *address, struct coordinator *ret)
{
	CLEANUP(coordinator_close) struct coordinator c = { .address = address };
	TRY(client_address_check(address));
	if (flag_given(&call->flags, FLAG_INSECURE) || flag_given(&call->flags, FLAG_ERA_CONFIG))
		TRY(verify(call, &c));
	else
		TRY(open_kept(call, &c));
	*ret = c;
	c = (struct coordinator){ 0 };
	return NULL;
}

/* It has answered before, when it was asked for its statement. */
static error *unanswered(error *e, const char *path)
{
	if (!e || error_code(e) != ERROR_UNAVAILABLE)
		return e;
	return error_wrap(e, "the coordinator gave no answer to %.*s; older ones, and MarbleRun's, do not know every "
			  "request", (int)strcspn(path, "?"), path);
}

error *coordinator_request(struct coordinator *c, const char *path, const json_t *body, json_t **ret)
{
	CLEANUP_FREE char *url = NULL;
	CLEANUP(blob_wipe) struct blob text = { 0 };
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	TRY(client_url(c->address, path, &url));
	if (body)
		TRY(json_print(body, JSON_COMPACT, &text));
	error *e = http_client_send(c->client, body ? "POST" : "GET", url, body ? "application/json" : NULL,
				    blob_view(&text), &reply);
	if (e && error_code(e) == ERROR_DENIED && c->trust == TRUST_KEPT)
		e = error_wrap(e, "%s is not the client API of the coordinator that was verified (2001 is for "
			       "marbles); if it waits for recovery, give --era-config FILE; if it was set up anew, "
			       "run 'marblerun manifest verify' again", c->address);
	TRY(c->trust == TRUST_KEPT ? client_unreached(e, c->address) : unanswered(e, path));
	return jsend_data(reply.status, blob_view(&reply.body), url, ret);
}

error *coordinator_keep(const struct invocation *call, const struct coordinator *c)
{
	CLEANUP_FREE char *path = NULL;
	if (c->trust == TRUST_INSECURE)
		return NULL;
	TRY(chain_cache_path(&call->flags, &path));
	TRY(chain_cache_store(path, &c->chain));
	say_note("The verified certificate chain is kept in %s", path);
	return NULL;
}
