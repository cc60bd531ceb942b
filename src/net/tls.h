/* TLS for servers: who we are can change while connections come in. */
#pragma once
#include <openssl/ssl.h>

#include "base/bytes.h"
#include "base/error.h"

enum tls_client_auth {
	TLS_CLIENT_AUTH_REQUESTED, /* asked for, not demanded; any certificate passes */
	TLS_CLIENT_AUTH_REQUIRED,  /* demanded; any certificate passes: what it means is decided later */
};

/* Shared by the connections of one listener. TLS 1.3 only unless `allow_tls12`. No tickets: a
 * resumed session would not show its certificate again. */
struct tls_server;
/* `protocols`: ALPN names in order of preference, NULL-terminated, e.g. {"h2", "http/1.1", NULL}. */
error *tls_server_new(enum tls_client_auth auth, bool allow_tls12, const char *const *protocols,
		      struct tls_server **ret) MUST_USE;
/* New connections use this chain and key; running handshakes keep theirs. From any thread. */
error *tls_server_set_identity(struct tls_server *tls, X509 *const *chain, size_t chain_size,
			       EVP_PKEY *key) MUST_USE;
void tls_server_free(struct tls_server *tls);
DEFINE_CLEANUP(tls_server_free, struct tls_server *)
