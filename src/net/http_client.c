#include "net/http_client.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>

enum { DEFAULT_TIMEOUT_S = 30, DEFAULT_RESPONSE_MAX = 64 << 20, URL_SHOWN_MAX = 1024 };

struct http_client {
	CURL *curl;
	struct http_client_options options;
	X509 *presented; /* by the server, on the connection of the last handshake */
	struct writer body;
	char *authorization; /* a header; NULL: none */
	char error_text[CURL_ERROR_SIZE];
};

static void initialise(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool same_certificate(const X509 *a, const X509 *b)
{
	return X509_cmp(a, b) == 0;
}

/* The server's own certificate is the pinned one, or the pinned one signed it. The handshake proves
 * that the server has the key. */
static bool is_pinned(X509 *presented, X509 *pinned)
{
	bool good = same_certificate(presented, pinned) ||
		    (X509_check_ca(pinned) == 1 && X509_check_issued(pinned, presented) == X509_V_OK &&
		     X509_verify(presented, X509_get0_pubkey(pinned)) == 1);
	ERR_clear_error();
	return good;
}

static int verify(X509_STORE_CTX *context, void *argument)
{
	struct http_client *client = argument;
	X509 *presented = X509_STORE_CTX_get0_cert(context);
	X509_free(client->presented);
	client->presented = NULL;
	if (X509_up_ref(presented))
		client->presented = presented;
	switch (client->options.trust) {
	case HTTP_TRUST_NOBODY:
		return 1;
	case HTTP_TRUST_PINNED:
		if (is_pinned(presented, client->options.pinned))
			return 1;
		X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	case HTTP_TRUST_SYSTEM:
	case HTTP_TRUST_AUTHORITIES:
		break;
	}
	int good = X509_verify_cert(context);
	ERR_clear_error(); /* libcurl would show the oldest, which says less than the result */
	return good;
}

static bool present_certificate(SSL_CTX *context, const struct http_client_options *own)
{
	return SSL_CTX_use_certificate(context, own->certificate) && SSL_CTX_use_PrivateKey(context, own->key) &&
	       (!own->issuers || SSL_CTX_set1_chain(context, own->issuers));
}

static CURLcode set_up_tls(CURL *curl, void *context, void *argument)
{
	struct http_client *client = argument;
	(void)curl;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify, client);
	if (client->options.trust == HTTP_TRUST_AUTHORITIES)
		SSL_CTX_set1_cert_store(context, client->options.authorities);
	if (client->options.certificate && !present_certificate(context, &client->options))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

static size_t take_body(char *data, size_t one, size_t size, void *argument)
{
	struct http_client *client = argument;
	(void)one;
	write_bytes(&client->body, bytes_of(data, size));
	return client->body.failed || client->body.too_large ? 0 : size;
}

static void configure(struct http_client *client)
{
	CURL *curl = client->curl;
	bool system = client->options.trust == HTTP_TRUST_SYSTEM;
	bool by_name = system || client->options.trust == HTTP_TRUST_AUTHORITIES;
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error_text);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)client->options.timeout_s);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, client);
	/* libcurl keeps sessions, and a resumed one would not show the certificate again. */
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, by_name ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	if (!by_name)
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (!system) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

error *http_client_new(const struct http_client_options *options, struct http_client **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, initialise);
	CLEANUP(http_client_free) struct http_client *client = calloc(1, sizeof *client);
	TRY_ALLOC(client);
	client->options = *options;
	client->options.timeout_s = options->timeout_s ? options->timeout_s : DEFAULT_TIMEOUT_S;
	client->body.secret = true; /* some answers are */
	client->body.limit = options->response_bytes ? options->response_bytes : DEFAULT_RESPONSE_MAX;
	client->options.issuers = options->issuers ? X509_chain_up_ref(options->issuers) : NULL;
	if (options->authorities)
		X509_STORE_up_ref(options->authorities);
	if (options->pinned)
		X509_up_ref(options->pinned);
	if (options->certificate)
		X509_up_ref(options->certificate);
	if (options->key)
		EVP_PKEY_up_ref(options->key);
	client->curl = curl_easy_init();
	TRY_ALLOC(client->curl);
	configure(client);
	*ret = TAKE(client);
	return NULL;
}

/* What a query holds says nothing about a connection that failed. */
static error *why_failed(const struct http_client *client, CURLcode code, const char *full_url)
{
	char url[URL_SHOWN_MAX];
	snprintf(url, sizeof url, "%.*s", (int)strcspn(full_url, "?"), full_url);
	const char *text = client->error_text[0] ? client->error_text : curl_easy_strerror(code);
	if (code == CURLE_WRITE_ERROR)
		return error_wrap(writer_check(&client->body, "the server's answer"), "%s", url);
	if (code == CURLE_PEER_FAILED_VERIFICATION && client->options.trust == HTTP_TRUST_PINNED)
		return error_new(ERROR_DENIED, "%s: the server shows another certificate than the one that "
				 "was verified", url);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return error_new(ERROR_DENIED, "%s: %s", url, text);
	if (code == CURLE_SSL_CERTPROBLEM)
		return error_new(ERROR_INVALID, "%s: our own certificate: %s", url, text);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return error_new(ERROR_INVALID, "%s: %s", url, text);
	return error_new(ERROR_UNAVAILABLE, "%s: %s", url, text);
}

static error *take_reply(struct http_client *client, struct http_reply *ret)
{
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply.status);
	TRY(blob_copy(writer_view(&client->body), &reply.body));
	if (client->presented && X509_up_ref(client->presented))
		reply.server_certificate = client->presented;
	*ret = reply;
	reply = (struct http_reply){ 0 };
	return NULL;
}

/* The request is addressed to `server_name`, and goes where the URL says. */
struct target {
	CURLU *url;
	struct curl_slist *route;
	char *host; /* a header; NULL: libcurl's */
};

static void target_free(struct target *t)
{
	curl_url_cleanup(t->url);
	curl_slist_free_all(t->route);
	free(t->host);
}
DEFINE_CLEANUP_IN_PLACE(target_free, struct target)

static bool rename_host(struct target *t, const char *name)
{
	char *host = NULL, *port = NULL, *route = NULL;
	bool good = curl_url_get(t->url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		    curl_url_get(t->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_set(t->url, CURLUPART_HOST, name, 0) == CURLUE_OK;
	if (good && asprintf(&route, "::%s:%s", host, port) >= 0)
		t->route = curl_slist_append(NULL, route);
	if (good && asprintf(&t->host, "Host: %s:%s", host, port) < 0)
		t->host = NULL;
	curl_free(host);
	curl_free(port);
	free(route);
	return t->route && t->host;
}

static error *set_target(struct http_client *client, const char *url, struct target *t)
{
	const char *name = client->options.server_name;
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
	if (!name)
		return NULL;
	t->url = curl_url();
	TRY_ALLOC(t->url);
	if (curl_url_set(t->url, CURLUPART_URL, url, 0) != CURLUE_OK || !rename_host(t, name))
		return error_new(ERROR_INVALID, "%s: no URL that can be asked as %s", url, name);
	curl_easy_setopt(client->curl, CURLOPT_CURLU, t->url);
	curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, t->route);
	return NULL;
}

struct headers {
	struct curl_slist *list;
};

static void headers_free(struct headers *h)
{
	curl_slist_free_all(h->list);
}
DEFINE_CLEANUP_IN_PLACE(headers_free, struct headers)

static error *add_header(struct headers *h, const char *line)
{
	struct curl_slist *grown = curl_slist_append(h->list, line);
	TRY_ALLOC(grown);
	h->list = grown;
	return NULL;
}

static error *add_headers(const struct http_client *client, const char *content_type, const char *host,
			  struct headers *h)
{
	CLEANUP_FREE char *type = NULL;
	if (content_type && asprintf(&type, "Content-Type: %s", content_type) < 0) {
		type = NULL;
		return error_no_memory();
	}
	if (type) {
		TRY(add_header(h, type));
		TRY(add_header(h, "Expect:"));
	}
	if (host)
		TRY(add_header(h, host));
	return client->authorization ? add_header(h, client->authorization) : NULL;
}

error *http_client_authorize(struct http_client *client, bytes token)
{
	char *line = NULL;
	if (token.size && asprintf(&line, "Authorization: Bearer %.*s", (int)token.size, (const char *)token.data) < 0)
		return error_no_memory();
	if (client->authorization)
		explicit_bzero(client->authorization, strlen(client->authorization));
	free(client->authorization);
	client->authorization = line;
	return NULL;
}

error *http_client_send(struct http_client *client, const char *method, const char *url,
			const char *content_type, bytes body, struct http_reply *ret)
{
	CLEANUP(headers_free) struct headers headers = { 0 };
	CLEANUP(target_free) struct target target = { 0 };
	writer_reset(&client->body);
	client->error_text[0] = 0;
	TRY(set_target(client, url, &target));
	TRY(add_headers(client, content_type, target.host, &headers));
	curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
	if (content_type) {
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body.size ? (const char *)body.data : "");
	}
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers.list);
	curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
	/* Over a kept connection that turns out to be closed, libcurl sends again, and nobody would know that what
	 * changes something was perhaps done twice. */
	curl_easy_setopt(client->curl, CURLOPT_FRESH_CONNECT, strcmp(method, "GET") == 0 ? 0L : 1L);
	CURLcode code = curl_easy_perform(client->curl);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, NULL);
	curl_easy_setopt(client->curl, CURLOPT_CURLU, NULL);
	return code == CURLE_OK ? take_reply(client, ret) : why_failed(client, code, url);
}

error *http_client_header(struct http_client *client, const char *name, struct blob *ret)
{
	struct curl_header *header;
	if (curl_easy_header(client->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return blob_copy(bytes_of_string(header->value), ret);
}

void http_reply_free(struct http_reply *reply)
{
	blob_wipe(&reply->body);
	X509_free(reply->server_certificate);
	*reply = (struct http_reply){ 0 };
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	if (client->authorization)
		explicit_bzero(client->authorization, strlen(client->authorization));
	free(client->authorization);
	X509_STORE_free(client->options.authorities);
	sk_X509_pop_free(client->options.issuers, X509_free);
	X509_free(client->presented);
	X509_free(client->options.pinned);
	X509_free(client->options.certificate);
	EVP_PKEY_free(client->options.key);
	writer_free(&client->body);
	free(client);
}
