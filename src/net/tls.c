#include "net/tls_internal.h"

#include <openssl/err.h>
#include <pthread.h>

struct tls_server {
	pthread_mutex_t lock; /* of `context`, held to take or replace the pointer only */
	SSL_CTX *context;     /* NULL until there is an identity */
	enum tls_client_auth auth;
	bool allow_tls12;
	uint8_t *protocols; /* ALPN wire format */
	unsigned protocols_size;
};

error *tls_error(enum error_code code, const char *what)
{
	char text[256] = "unknown";
	unsigned long number = ERR_peek_last_error();
	if (number)
		ERR_error_string_n(number, text, sizeof text);
	ERR_clear_error();
	return error_new(code, "%s: %s", what, text);
}

/* Hybrid post-quantum key agreement first, where the library has it (OpenSSL 3.5). */
static void prefer_groups(SSL_CTX *context)
{
	if (!SSL_CTX_set1_groups_list(context, "X25519MLKEM768:X25519:P-256:P-384"))
		SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384:P-521");
	ERR_clear_error();
}

error *tls_context_new(const SSL_METHOD *method, bool allow_tls12, SSL_CTX **ret)
{
	SSL_CTX *context = SSL_CTX_new(method);
	if (!context)
		return tls_error(ERROR_NO_MEMORY, "TLS context");
	SSL_CTX_set_min_proto_version(context, allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	prefer_groups(context);
	*ret = context;
	return NULL;
}

/* RFC 7301: one byte of length before each name. */
static error *write_protocols(struct tls_server *tls, const char *const *names)
{
	size_t size = 0;
	for (size_t i = 0; names[i]; i++)
		size += 1 + strlen(names[i]);
	tls->protocols = malloc(size ? size : 1);
	TRY_ALLOC(tls->protocols);
	for (size_t i = 0; names[i]; i++) {
		size_t length = strlen(names[i]);
		tls->protocols[tls->protocols_size++] = (uint8_t)length;
		memcpy(tls->protocols + tls->protocols_size, names[i], length);
		tls->protocols_size += (unsigned)length;
	}
	return NULL;
}

error *tls_server_new(enum tls_client_auth auth, bool allow_tls12, const char *const *protocols,
		      struct tls_server **ret)
{
	CLEANUP(tls_server_free) struct tls_server *tls = calloc(1, sizeof *tls);
	TRY_ALLOC(tls);
	pthread_mutex_init(&tls->lock, NULL);
	tls->auth = auth;
	tls->allow_tls12 = allow_tls12;
	TRY(write_protocols(tls, protocols));
	*ret = TAKE(tls);
	return NULL;
}

/* Ours in order of preference, if the client offers it; else no protocol is agreed on, and the
 * connection speaks HTTP/1.1. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
			   const unsigned char *offered, unsigned offered_size, void *context)
{
	const struct tls_server *tls = context;
	unsigned char *chosen;
	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_size, tls->protocols, tls->protocols_size, offered,
				  offered_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Any certificate passes: the handshake proves that its key is the client's, and what the
 * certificate means is decided by evidence or by comparison with a known one. */
static int accept_any(X509_STORE_CTX *context, void *unused)
{
	(void)context, (void)unused;
	return 1;
}

static error *use_identity(SSL_CTX *context, X509 *const *chain, size_t chain_size, EVP_PKEY *key)
{
	if (!SSL_CTX_use_certificate(context, chain[0]) || !SSL_CTX_use_PrivateKey(context, key))
		return tls_error(ERROR_INVALID, "certificate and key");
	for (size_t i = 1; i < chain_size; i++)
		if (!SSL_CTX_add1_chain_cert(context, chain[i]))
			return tls_error(ERROR_INVALID, "certificate chain");
	return NULL;
}

static inline void context_free_cleanup(SSL_CTX **owned)
{
	SSL_CTX_free(*owned);
}

error *tls_server_set_identity(struct tls_server *tls, X509 *const *chain, size_t chain_size,
			       EVP_PKEY *key)
{
	__attribute__((cleanup(context_free_cleanup))) SSL_CTX *context = NULL;
	int mode = SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE;
	if (tls->auth == TLS_CLIENT_AUTH_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	TRY(tls_context_new(TLS_server_method(), tls->allow_tls12, &context));
	TRY(use_identity(context, chain, chain_size, key));
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, mode, NULL);
	SSL_CTX_set_cert_verify_callback(context, accept_any, NULL);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, tls);
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *old = tls->context;
	tls->context = context;
	context = old; /* freed here; connections keep references of their own */
	pthread_mutex_unlock(&tls->lock);
	return NULL;
}

SSL *tls_server_accept(struct tls_server *tls)
{
	pthread_mutex_lock(&tls->lock);
	SSL *ssl = tls->context ? SSL_new(tls->context) : NULL;
	pthread_mutex_unlock(&tls->lock);
	return ssl;
}

void tls_server_free(struct tls_server *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls->protocols);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}
