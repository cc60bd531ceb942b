#include "kubernetes/client.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "kubernetes/answer.h"
#include "kubernetes/exec.h"
#include "kubernetes/identity.h"
#include "net/http_client.h"

enum {
	ATTEMPTS = 5,
	FIRST_PAUSE_MS = 100,
	RETRY_AFTER_MAX_S = 30,
	ANSWER_MAX = 32 << 20,
	TOKEN_FILE_MAX = 64 << 10,
	EXPIRES_SOON_S = 5,
};

struct kube_client {
	const struct kube_config *config;
	unsigned timeout_s;
	const volatile sig_atomic_t *stop;
	struct http_client *http;
	X509_STORE *authorities;       /* NULL: the system's */
	struct kube_identity identity; /* certificate and key; empty: none */
	struct kube_credential given;  /* by the plugin */
	bool asked;                    /* the plugin */
	struct secret token;           /* the one in use */
};

void kube_client_free(struct kube_client *client)
{
	if (!client)
		return;
	http_client_free(client->http);
	X509_STORE_free(client->authorities);
	kube_identity_free(&client->identity);
	kube_credential_free(&client->given);
	secret_free(&client->token);
	free(client);
}

void kube_client_stop_on(struct kube_client *client, const volatile sig_atomic_t *flag)
{
	client->stop = flag;
}

static error *check_stop(const struct kube_client *client)
{
	return client->stop && *client->stop ? error_new(ERROR_WRONG_STATE, "interrupted") : NULL;
}

error *kube_pause(struct kube_client *client, unsigned milliseconds)
{
	struct timespec t = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
	TRY(check_stop(client));
	nanosleep(&t, NULL); /* a signal ends it */
	return check_stop(client);
}

static error *connect_anew(struct kube_client *client)
{
	enum http_trust trust = client->authorities ? HTTP_TRUST_AUTHORITIES : HTTP_TRUST_SYSTEM;
	struct http_client *http;
	TRY(http_client_new(&(struct http_client_options){
		.trust = client->config->insecure ? HTTP_TRUST_NOBODY : trust,
		.authorities = client->authorities,
		.server_name = client->config->server_name,
		.certificate = client->identity.certificate,
		.issuers = client->identity.issuers,
		.key = client->identity.key,
		.timeout_s = client->timeout_s,
		.response_bytes = ANSWER_MAX }, &http));
	http_client_free(client->http);
	client->http = http;
	return http_client_authorize(http, secret_view(&client->token));
}

static error *take_identity(struct kube_client *client, bytes certificate, bytes key, const char *what)
{
	struct kube_identity identity = { 0 };
	if (certificate.size)
		TRY(kube_identity_read(certificate, key, what, &identity));
	kube_identity_free(&client->identity);
	client->identity = identity;
	return NULL;
}

static error *take_token(struct kube_client *client, bytes token)
{
	struct secret copy;
	TRY(secret_copy(token, &copy));
	secret_free(&client->token);
	client->token = copy;
	return client->http ? http_client_authorize(client->http, secret_view(&client->token)) : NULL;
}

error *kube_client_new(const struct kube_config *config, unsigned timeout_s, struct kube_client **ret)
{
	CLEANUP(kube_client_free) struct kube_client *client = calloc(1, sizeof *client);
	TRY_ALLOC(client);
	client->config = config;
	client->timeout_s = timeout_s;
	if (config->authorities.size)
		TRY(kube_authorities_read(blob_view(&config->authorities), config->origin, &client->authorities));
	TRY(take_identity(client, secret_view(&config->certificate), secret_view(&config->key), config->origin));
	TRY(take_token(client, secret_view(&config->token)));
	TRY(connect_anew(client));
	*ret = TAKE(client);
	return NULL;
}

static error *ask_plugin(struct kube_client *client)
{
	CLEANUP(kube_credential_free) struct kube_credential given = { 0 };
	TRY(kube_exec_run(client->config, client->timeout_s, &given));
	TRY(take_identity(client, secret_view(&given.certificate), secret_view(&given.key), "what the plugin gave"));
	TRY(take_token(client, secret_view(&given.token)));
	kube_credential_free(&client->given);
	client->given = given;
	given = (struct kube_credential){ 0 };
	client->asked = true;
	return connect_anew(client);
}

/* The kubelet writes new tokens long before the old ones expire. */
static error *read_token_file(struct kube_client *client)
{
	CLEANUP(secret_free) struct secret content = { 0 };
	const char *path = client->config->token_file;
	TRY(file_read_secret(path, TOKEN_FILE_MAX, &content));
	bytes token = secret_view(&content);
	while (token.size && strchr(" \t\r\n", token.data[token.size - 1]))
		token.size--;
	TRY(kube_token_check(token, path));
	return take_token(client, token);
}

static error *log_in(struct kube_client *client)
{
	bool expired = client->given.expires && client->given.expires <= clock_now() + EXPIRES_SOON_S;
	error *e = NULL;
	if (client->config->exec && (!client->asked || expired))
		e = ask_plugin(client);
	else if (client->config->token_file)
		e = read_token_file(client);
	/* A token that is not found must not be taken for an object that is not. */
	return error_recode(e, ERROR_UNAUTHENTICATED);
}

/* One attempt. Any status is an answer. */
static error *send_once(struct kube_client *client, const struct kube_request *request, bytes body,
			struct http_reply *ret)
{
	CLEANUP_FREE char *url = NULL;
	if (asprintf(&url, "%s%s", client->config->server, request->path) < 0) {
		url = NULL;
		return error_no_memory();
	}
	return http_client_send(client->http, request->method, url, request->content_type, body, ret);
}

/* A plugin's token may have been withdrawn: another one is asked for, once. */
static error *send_logged_in(struct kube_client *client, const struct kube_request *request, bytes body,
			     struct http_reply *ret)
{
	enum { UNAUTHORIZED = 401 };
	TRY(log_in(client));
	bool fresh = !client->config->exec;
	TRY(send_once(client, request, body, ret));
	if (ret->status != UNAUTHORIZED || fresh)
		return NULL;
	http_reply_free(ret);
	TRY(error_recode(ask_plugin(client), ERROR_UNAUTHENTICATED));
	return send_once(client, request, body, ret);
}

/* Milliseconds to wait before the next attempt. */
static error *busy_pause(struct kube_client *client, unsigned otherwise, unsigned *ret, bool *ret_said)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	unsigned seconds = 0;
	TRY(http_client_header(client->http, "Retry-After", &text));
	*ret_said = text.size != 0;
	for (size_t i = 0; i < text.size && seconds < RETRY_AFTER_MAX_S; i++)
		seconds = text.data[i] >= '0' && text.data[i] <= '9' ? seconds * 10 + (text.data[i] - '0')
								     : RETRY_AFTER_MAX_S;
	seconds = seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds;
	*ret = seconds ? seconds * 1000 : otherwise;
	return NULL;
}

/* Would the same request have a chance in a while? */
static error *may_retry(struct kube_client *client, const error *failure, long status, unsigned *pause_ms, bool *ret)
{
	bool said = false;
	if (failure) {
		*ret = error_code(failure) == ERROR_UNAVAILABLE;
		return NULL;
	}
	if (status != 429 && status < 500) {
		*ret = false;
		return NULL;
	}
	TRY(busy_pause(client, *pause_ms, pause_ms, &said));
	*ret = status == 429 || status == 502 || status == 503 || status == 504 || said;
	return NULL;
}

static error *attempt(struct kube_client *client, const struct kube_request *request, bytes body, bool last,
		      unsigned *pause_ms, struct http_reply *ret)
{
	bool again;
	TRY(check_stop(client));
	error *e = send_logged_in(client, request, body, ret);
	error *failed = may_retry(client, e, ret->status, pause_ms, &again);
	if (failed) {
		error_free(e);
		return failed;
	}
	if (last || !again)
		return e;
	error_free(e);
	http_reply_free(ret);
	return kube_pause(client, *pause_ms);
}

error *kube_send(struct kube_client *client, const struct kube_request *request, json_t **ret,
		 struct kube_outcome *how)
{
	CLEANUP(blob_wipe) struct blob body = { 0 };
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	if (request->body)
		TRY(json_print(request->body, JSON_COMPACT, &body));
	unsigned i = 0;
	for (; i < ATTEMPTS && !reply.status; i++) {
		unsigned pause_ms = FIRST_PAUSE_MS << i;
		TRY(attempt(client, request, blob_view(&body), i == ATTEMPTS - 1, &pause_ms, &reply));
	}
	TRY(kube_answer(request, reply.status, blob_view(&reply.body), secret_view(&client->token), ret));
	if (how)
		*how = (struct kube_outcome){ .created = reply.status == 201, .repeated = i > 1 };
	return NULL;
}
