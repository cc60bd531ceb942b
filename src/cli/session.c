#include "cli/session.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "cli/chain_file.h"
#include "cli/policy.h"
#include "cli/terminal.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "marblerun/coordinator.h"
#include "net/tls_chain.h"

void session_close(struct session *session)
{
	http_client_free(session->client);
	X509_free(session->intermediate);
	X509_free(session->root);
	free(session->chain_pem);
	*session = (struct session){ 0 };
}

/* The data of a JSend answer, or its message as an error. */
static error *read_jsend(const struct http_reply *reply, const char *url, json_t **ret)
{
	CLEANUP_JSON json_t *answer = NULL;
	error *e = json_parse(blob_view(&reply->body), "answer", &answer);
	if (e) {
		error_free(e);
		return error_new(ERROR_UNAVAILABLE, "%s answers with HTTP status %ld and no JSON: is this a "
				 "coordinator's client API?", url, reply->status);
	}
	const char *status = json_string_value(json_object_get(answer, "status"));
	const char *message = json_string_value(json_object_get(answer, "message"));
	if (reply->status == 200 && status && strcmp(status, "success") == 0) {
		*ret = json_incref(json_object_get(answer, "data"));
		return NULL;
	}
	return error_new(ERROR_DENIED, "the coordinator refuses (HTTP status %ld): %s", reply->status,
			 message ? message : "without a reason");
}

static error *make_url(const char *address, const char *path, char **ret)
{
	if (asprintf(ret, "https://%s%s%s", *address == ':' ? "localhost" : "", address, path) < 0) {
		*ret = NULL;
		return error_no_memory();
	}
	return NULL;
}

error *session_request(struct session *session, const char *path, json_t *body, json_t **ret_data)
{
	CLEANUP_FREE char *url = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	TRY(make_url(session->address, path, &url));
	if (body)
		TRY(json_print(body, JSON_COMPACT, &text));
	TRY(http_client_send(session->client, body ? "POST" : "GET", url, body ? "application/json" : NULL,
			     blob_view(&text), &reply));
	return read_jsend(&reply, url, ret_data);
}

/* What GET /api/v2/quote says, and who said it. */
struct answer {
	struct blob evidence, nonce, peer;
	char *chain_pem;
	marblerun_collateral_set *collateral;
};

static void answer_free(struct answer *a)
{
	blob_free(&a->evidence);
	blob_free(&a->nonce);
	blob_free(&a->peer);
	free(a->chain_pem);
	marblerun_collateral_free(a->collateral);
}
DEFINE_CLEANUP_IN_PLACE(answer_free, struct answer)

static error *choose_nonce(const struct options *options, struct blob *ret)
{
	uint8_t fresh[32];
	if (options->nonce)
		return blob_copy(bytes_of_string(options->nonce), ret);
	TRY(random_fill(fresh, sizeof fresh));
	return blob_copy(BYTES_OF_ARRAY(fresh), ret);
}

static error *read_collateral(const struct options *options, json_t *data, struct answer *a)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	char reason[MARBLERUN_REASON_SIZE];
	json_t *offered = json_object_get(data, "collateral");
	int failed;
	if (options->collateral) {
		failed = marblerun_collateral_read(options->collateral, &a->collateral, reason);
	} else if (offered) {
		TRY(json_print(offered, JSON_COMPACT, &text));
		failed = marblerun_collateral_parse((const char *)text.data, text.size, &a->collateral, reason);
	} else {
		return NULL;
	}
	return failed ? error_new(ERROR_INVALID, "%s", reason) : NULL;
}

static error *parse_answer(const struct options *options, json_t *data, struct answer *a)
{
	json_t *chain = json_object_get(data, "cert"), *quote = json_object_get(data, "quote");
	if (!json_is_string(chain) || !(json_is_string(quote) || json_is_null(quote)))
		return error_new(ERROR_UNAVAILABLE, "the coordinator's answer lacks certificate or quote");
	a->chain_pem = strdup(json_string_value(chain));
	TRY_ALLOC(a->chain_pem);
	TRY(base64_decode(json_bytes(quote), "quote", &a->evidence));
	return read_collateral(options, data, a);
}

/* Asks without trust: what comes is verified, and that it came from whom it speaks of. */
static error *ask(const struct options *options, const char *address, struct answer *a)
{
	static const struct http_client_options nobody = { .trust = HTTP_TRUST_NOBODY };
	CLEANUP(http_client_free) struct http_client *client = NULL;
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	CLEANUP(writer_free) struct writer path = { 0 };
	CLEANUP_FREE char *url = NULL;
	CLEANUP_JSON json_t *data = NULL;
	TRY(choose_nonce(options, &a->nonce));
	write_string(&path, "/api/v2/quote?nonce=");
	write_base64url(&path, blob_view(&a->nonce));
	/* Padded, as Go's URLEncoding wants it. */
	for (size_t digits = (a->nonce.size * 4 + 2) / 3; digits % 4; digits++)
		write_string(&path, "%3D");
	write_u8(&path, 0);
	TRY(writer_check(&path, "nonce"));
	TRY(make_url(address, (const char *)path.data, &url));
	TRY(http_client_new(&nobody, &client));
	TRY(http_client_send(client, "GET", url, NULL, BYTES_EMPTY, &reply));
	if (!reply.server_certificate)
		return error_new(ERROR_UNAVAILABLE, "%s shows no certificate", address);
	TRY(tls_certificate_der(reply.server_certificate, &a->peer));
	TRY(read_jsend(&reply, url, &data));
	return parse_answer(options, data, a);
}

static error *trust_simulated(const struct options *options, marblerun_verifier *verifier)
{
	CLEANUP(blob_free) struct blob root = { 0 };
	char reason[MARBLERUN_REASON_SIZE];
	if (!options->sim_root)
		return NULL;
	TRY_CTX(file_read(options->sim_root, 1 << 16, &root), "--sim-root");
	struct marblerun_bytes view = { root.data, root.size };
	if (marblerun_verifier_trust_simulated(verifier, view, reason) != 0)
		return error_new(ERROR_INVALID, "--sim-root: %s: %s", options->sim_root, reason);
	return NULL;
}

static struct marblerun_bytes public_view(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

static error *verify_answer(const struct options *options, const struct answer *a, struct session *s)
{
	marblerun_verifier *verifier = marblerun_verifier_new();
	marblerun_policy *policy = NULL;
	char reason[MARBLERUN_REASON_SIZE];
	struct marblerun_statement statement = {
		.evidence = public_view(&a->evidence),
		.certificate_chain = { (const uint8_t *)a->chain_pem, strlen(a->chain_pem) },
		.nonce = public_view(&a->nonce),
		.peer_certificate = public_view(&a->peer),
		.channel = MARBLERUN_CHANNEL_CLIENT_API,
		.collateral = a->collateral ? marblerun_collateral_of(a->collateral) : NULL,
	};
	error *e = verifier ? trust_simulated(options, verifier) : error_no_memory();
	if (!e)
		e = policy_of_options(options, &policy);
	if (!e && marblerun_verify_coordinator(verifier, &statement, policy, clock_now(), &s->verdict,
					       reason) != 0)
		e = error_new(ERROR_DENIED, "%s", reason);
	marblerun_policy_free(policy);
	marblerun_verifier_free(verifier);
	s->verified = !e;
	return e;
}

static error *save_quote(const struct options *options, const struct answer *a)
{
	if (!options->save_quote)
		return NULL;
	return file_replace(options->save_quote, blob_view(&a->evidence), 0644);
}

static error *pin(struct session *s)
{
	struct http_client_options pinned = { .trust = HTTP_TRUST_PINNED, .pinned = s->root };
	return http_client_new(&pinned, &s->client);
}

static error *take_chain(const char *pem, struct session *s)
{
	X509 *chain[2];
	TRY(tls_chain_of_pem(bytes_of_string(pem), "certificate chain", 2, chain));
	s->intermediate = chain[0];
	s->root = chain[1];
	s->chain_pem = strdup(pem);
	TRY_ALLOC(s->chain_pem);
	return NULL;
}

error *session_verify(const struct options *options, const char *address, struct session *ret)
{
	CLEANUP(answer_free) struct answer a = { 0 };
	CLEANUP(session_close) struct session s = { .address = address };
	TRY(ask(options, address, &a));
	if (options->insecure)
		warn("--insecure: the coordinator's evidence is not verified; whoever sits in between can read "
		     "and change everything");
	else
		TRY_CTX(verify_answer(options, &a, &s), "%s", address);
	if (s.verdict.claims.simulated)
		warn("the coordinator runs on a SIMULATED platform: nothing is protected");
	TRY(save_quote(options, &a));
	TRY(take_chain(a.chain_pem, &s));
	TRY(pin(&s));
	*ret = s;
	s = (struct session){ 0 };
	return NULL;
}

error *session_open(const struct options *options, const char *address, struct session *ret)
{
	CLEANUP(session_close) struct session s = { .address = address };
	CLEANUP_FREE char *pem = NULL;
	if (options->insecure || policy_is_given(options))
		return session_verify(options, address, ret);
	TRY(chain_file_read(options, &pem));
	TRY(take_chain(pem, &s));
	TRY(pin(&s));
	*ret = s;
	s = (struct session){ 0 };
	return NULL;
}

error *session_keep(const struct options *options, const struct session *session)
{
	return chain_file_write(options, session->chain_pem);
}
