/* Outgoing HTTPS by libcurl, for the command line, for fetching endorsements and for the API of Kubernetes. */
#pragma once
#include <openssl/ssl.h>

#include "base/blob.h"
#include "base/error.h"

enum http_trust {
	HTTP_TRUST_SYSTEM,  /* the system's CAs and the host name */
	HTTP_TRUST_AUTHORITIES, /* `authorities` and the host name, nothing of the system's */
	HTTP_TRUST_PINNED,  /* exactly `pinned`: the server must prove that very certificate's key */
	HTTP_TRUST_NOBODY,  /* encrypt only: the caller verifies `server_certificate` and what it got */
};
struct http_client_options {
	enum http_trust trust;
	X509 *pinned;             /* for HTTP_TRUST_PINNED: the server's own certificate or its issuer */
	X509_STORE *authorities;  /* for HTTP_TRUST_AUTHORITIES */
	const char *server_name;  /* what the certificate must be for, and SNI; NULL: the URL's host. Borrowed */
	X509 *certificate;        /* our own, or NULL */
	STACK_OF(X509) *issuers;  /* of our own certificate, sent with it; NULL: none */
	EVP_PKEY *key;
	unsigned timeout_s;       /* whole request; 0: 30 */
	size_t response_bytes;    /* most it takes; 0: 64 MiB */
};
struct http_client;
error *http_client_new(const struct http_client_options *options, struct http_client **ret) MUST_USE;
struct http_reply {
	long status;
	struct blob body;
	X509 *server_certificate; /* of the connection that carried it; owned; NULL for plain HTTP */
};
void http_reply_free(struct http_reply *reply);
DEFINE_CLEANUP_IN_PLACE(http_reply_free, struct http_reply)
/* Each request from here on says "Authorization: Bearer TOKEN"; an empty token: none does. */
error *http_client_authorize(struct http_client *client, bytes token) MUST_USE;
/* Sends once. `body` empty and `content_type` NULL: no body. ERROR_UNAVAILABLE when nobody answers; any HTTP
 * status is a reply. */
error *http_client_send(struct http_client *client, const char *method, const char *url,
			const char *content_type, bytes body, struct http_reply *ret) MUST_USE;
/* A header of the last reply, by its name; empty when it is not there. */
error *http_client_header(struct http_client *client, const char *name, struct blob *ret) MUST_USE;
void http_client_free(struct http_client *client);
DEFINE_CLEANUP(http_client_free, struct http_client *)
