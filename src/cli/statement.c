#include "cli/statement.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "cli/jsend.h"
#include "cli/policy.h"
#include "codec/base64.h"
#include "marblerun/coordinator.h"
#include "net/address.h"
#include "net/http_client.h"

enum { NONCE_SIZE = 32, ROOT_SIZE_MAX = 1 << 16 };

static void verifier_free(marblerun_verifier *verifier)
{
	marblerun_verifier_free(verifier);
}
DEFINE_CLEANUP(verifier_free, marblerun_verifier *)

static void collateral_free(marblerun_collateral_set *set)
{
	marblerun_collateral_free(set);
}
DEFINE_CLEANUP(collateral_free, marblerun_collateral_set *)

void statement_free(struct coordinator_statement *statement)
{
	blob_free(&statement->nonce);
	blob_free(&statement->evidence);
	blob_free(&statement->chain_pem);
	blob_free(&statement->peer_certificate);
	blob_free(&statement->state);
	json_decref(statement->collateral);
	*statement = (struct coordinator_statement){ 0 };
}

error *client_url(const char *address, const char *path, char **ret)
{
	char host[256], port[8], *url = NULL;
	TRY(address_split(address, host, port));
	/* What has a meaning in URLs is in no host's name. */
	if (strcspn(host, "/?#@%\\ \t\r\n") != strlen(host))
		return error_new(ERROR_INVALID, "\"%s\" is no address: host:port is expected", address);
	bool v6 = strchr(host, ':') != NULL;
	int length = asprintf(&url, "https://%s%s%s:%s%s", v6 ? "[" : "", *host ? host : "localhost",
			      v6 ? "]" : "", port, path);
	if (length < 0)
		return error_no_memory();
	*ret = url;
	return NULL;
}

error *client_address_check(const char *address)
{
	CLEANUP_FREE char *url = NULL;
	return client_url(address, "", &url);
}

error *client_unreached(error *e, const char *address)
{
	if (!e || error_code(e) != ERROR_UNAVAILABLE)
		return e;
	return error_wrap(e, "no answer of a client API at %s (its port is 4433 unless the coordinator was given "
			  "another one; 2001 is for marbles)", address);
}

static error *choose_nonce(const struct flag_values *flags, struct blob *ret)
{
	uint8_t fresh[NONCE_SIZE];
	const char *given = flags->values[FLAG_NONCE];
	if (given && *given)
		return blob_copy(bytes_of_string(given), ret);
	TRY(random_fill(fresh, sizeof fresh));
	return blob_copy(BYTES_OF_ARRAY(fresh), ret);
}

/* base64url with its padding, which coordinators in Go insist on; '=' is percent-encoded. */
static error *quote_path(bytes nonce, char **ret)
{
	CLEANUP(writer_free) struct writer path = { 0 };
	write_string(&path, "/api/v2/quote?nonce=");
	write_base64url(&path, nonce);
	for (size_t i = nonce.size; i % 3; i++)
		write_string(&path, "%3D");
	*ret = writer_take_string(&path);
	return *ret ? NULL : error_no_memory();
}

static error *read_answer(const struct http_reply *reply, const char *url, struct coordinator_statement *to)
{
	CLEANUP_JSON json_t *data = NULL;
	bytes chain;
	TRY(jsend_data(reply->status, blob_view(&reply->body), url, &data));
	TRY(json_text_member(data, "cert", url, &chain));
	TRY(blob_copy(chain, &to->chain_pem));
	/* Empty, or null in Go, in simulation. */
	if (!json_is_null(json_member(data, "quote")))
		TRY(json_bytes_member(data, "quote", url, &to->evidence));
	if (json_member(data, "state"))
		TRY(json_bytes_member(data, "state", url, &to->state));
	to->collateral = json_incref(json_member(data, "collateral"));
	if (!reply->server_certificate)
		return error_new(ERROR_INTERNAL, "%s: the server showed no certificate", url);
	return tls_certificate_der(reply->server_certificate, &to->peer_certificate);
}

error *statement_fetch(const char *address, const struct flag_values *flags,
		       struct coordinator_statement *ret)
{
	CLEANUP(statement_free) struct coordinator_statement got = { 0 };
	CLEANUP(http_client_free) struct http_client *client = NULL;
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	CLEANUP_FREE char *path = NULL, *url = NULL;
	TRY(choose_nonce(flags, &got.nonce));
	TRY(quote_path(blob_view(&got.nonce), &path));
	TRY(client_url(address, path, &url));
	TRY(http_client_new(&(struct http_client_options){ .trust = HTTP_TRUST_NOBODY }, &client));
	TRY(client_unreached(http_client_send(client, "GET", url, NULL, BYTES_EMPTY, &reply), address));
	url[strcspn(url, "?")] = 0; /* what messages name */
	TRY(read_answer(&reply, url, &got));
	*ret = got;
	got = (struct coordinator_statement){ 0 };
	return NULL;
}

static error *make_verifier(const struct flag_values *flags, marblerun_verifier **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(verifier_free) marblerun_verifier *verifier = marblerun_verifier_new();
	CLEANUP(blob_free) struct blob root = { 0 };
	const char *path = flags->values[FLAG_SIM_ROOT];
	TRY_ALLOC(verifier);
	if (path) {
		TRY_CTX(file_read(path, ROOT_SIZE_MAX, &root), "--sim-root");
		struct marblerun_bytes pem = { root.data, root.size };
		if (marblerun_verifier_trust_simulated(verifier, pem, reason) != 0)
			return error_new(ERROR_INVALID, "--sim-root %s: %s", path, reason);
	}
	*ret = TAKE(verifier);
	return NULL;
}

static error *read_collateral(const struct coordinator_statement *s, const struct flag_values *flags,
			      marblerun_collateral_set **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(blob_free) struct blob text = { 0 };
	const char *folder = flags->values[FLAG_COLLATERAL];
	if (folder && marblerun_collateral_read(folder, ret, reason) != 0)
		return error_new(ERROR_INVALID, "--collateral %s: %s", folder, reason);
	if (folder || !s->collateral || json_is_null(s->collateral))
		return NULL;
	TRY(json_print(s->collateral, JSON_COMPACT, &text));
	if (marblerun_collateral_parse((const char *)text.data, text.size, ret, reason) != 0)
		return error_new(ERROR_INVALID, "the endorsements that the coordinator sent: %s", reason);
	return NULL;
}

/* What a person could do about it. */
static const char *hint(const struct marblerun_verdict *verdict, const struct flag_values *flags)
{
	if (verdict->step == MARBLERUN_STEP_ROOT && !flag_given(flags, FLAG_SIM_ROOT))
		return "; if it is a simulated platform, name its root by --sim-root FILE";
	if (verdict->step == MARBLERUN_STEP_ENDORSEMENTS && !flag_given(flags, FLAG_COLLATERAL))
		return "; the coordinator did not send what is needed: give it by --collateral DIR";
	return "";
}

static struct marblerun_bytes foreign(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

error *statement_verify(const struct coordinator_statement *statement, const struct flag_values *flags,
			const char *policy_path, struct marblerun_verdict *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(policy_free) marblerun_policy *policy = NULL;
	CLEANUP(verifier_free) marblerun_verifier *verifier = NULL;
	CLEANUP(collateral_free) marblerun_collateral_set *collateral = NULL;
	TRY(policy_load(policy_path, flags, &policy));
	TRY(make_verifier(flags, &verifier));
	TRY(read_collateral(statement, flags, &collateral));
	const struct marblerun_statement s = {
		.evidence = foreign(&statement->evidence),
		.certificate_chain = foreign(&statement->chain_pem),
		.nonce = foreign(&statement->nonce),
		.peer_certificate = foreign(&statement->peer_certificate),
		.channel = MARBLERUN_CHANNEL_CLIENT_API,
		.collateral = collateral ? marblerun_collateral_of(collateral) : NULL,
		.state = foreign(&statement->state),
	};
	if (marblerun_verify_coordinator(verifier, &s, policy, clock_now(), ret, reason) != 0)
		return error_new(ERROR_DENIED, "%s%s", reason, hint(ret, flags));
	return NULL;
}
