#pragma once
#include "net/tls.h"

/* A server-side TLS object with the present identity; NULL when there is none yet or no memory. */
SSL *tls_server_accept(struct tls_server *tls);
/* Settings that every context of ours has, server or client: versions, groups, no compression. */
error *tls_context_new(const SSL_METHOD *method, bool allow_tls12, SSL_CTX **ret) MUST_USE;
/* The last OpenSSL error as an error of ours; empties the queue. */
error *tls_error(enum error_code code, const char *what) MUST_USE;
