/* TLS between marbles: contexts that know only the mesh, and what the handshake found out about the peer. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "marble/marble.h"
#include "marble/reason.h"
#include "net/tls_chain.h"

static void context_free(SSL_CTX *context)
{
	SSL_CTX_free(context);
}
DEFINE_CLEANUP(context_free, SSL_CTX *)

/* Whom a context lets in; belongs to the context. */
struct peers {
	char **types; /* NULL: any */
	size_t count;
	bool client;
};

/* What the verification of one connection found; belongs to the connection. */
struct finding {
	X509 *verified; /* the peer's certificate; NULL: refused */
	char reason[MARBLERUN_REASON_SIZE];
};

static void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	for (size_t i = 0; i < peers->count; i++)
		free(peers->types[i]);
	free(peers->types);
	free(peers);
}
DEFINE_CLEANUP(peers_free, struct peers *)

static void finding_free(struct finding *finding)
{
	if (finding)
		X509_free(finding->verified);
	free(finding);
}

/* The places of both in OpenSSL's objects */

static int peers_index = -1, finding_index = -1;

static void free_peers(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argument, void *more)
{
	(void)parent, (void)all, (void)index, (void)argument, (void)more;
	peers_free(data);
}

static void free_finding(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argument, void *more)
{
	(void)parent, (void)all, (void)index, (void)argument, (void)more;
	finding_free(data);
}

/* A copy of a connection (SSL_dup) has seen no handshake. */
static int copy_no_finding(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **data, int index, long argument,
			   void *more)
{
	(void)to, (void)from, (void)index, (void)argument, (void)more;
	*data = NULL;
	return 1;
}

static void make_indexes(void)
{
	peers_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_peers);
	finding_index = SSL_get_ex_new_index(0, NULL, NULL, copy_no_finding, free_finding);
}

static error *need_indexes(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_indexes);
	return peers_index < 0 || finding_index < 0 ? error_no_memory() : NULL;
}

/* Verification */

static struct finding *finding_of(const SSL *ssl)
{
	return finding_index < 0 ? NULL : SSL_get_ex_data(ssl, finding_index);
}

static struct finding *new_finding(SSL *ssl)
{
	struct finding *f = calloc(1, sizeof *f);
	finding_free(finding_of(ssl));
	if (SSL_set_ex_data(ssl, finding_index, f) == 1)
		return f;
	free(f);
	SSL_set_ex_data(ssl, finding_index, NULL);
	return NULL;
}

static bool names_peer(X509_VERIFY_PARAM *parameters)
{
	char *address = X509_VERIFY_PARAM_get1_ip_asc(parameters);
	bool named = address || X509_VERIFY_PARAM_get0_host(parameters, 0);
	OPENSSL_free(address);
	return named;
}

static error *check_type(const struct peers *peers, const char *type)
{
	CLEANUP(writer_free) struct writer expected = { 0 };
	for (size_t i = 0; i < peers->count; i++) {
		if (strcmp(peers->types[i], type) == 0)
			return NULL;
		write_format(&expected, "%s\"%s\"", i ? ", " : "", peers->types[i]);
	}
	CLEANUP_FREE char *text = writer_take_string(&expected);
	return error_new(ERROR_DENIED, "the peer is a marble of type \"%.200s\", not of %.200s", type,
			 text ? text : "another");
}

/* Chain, dates and name by OpenSSL; that it is a marble, and of which type, by us. */
static error *judge(const struct peers *peers, X509_STORE_CTX *verification)
{
	struct marblerun_peer peer;
	if (X509_verify_cert(verification) != 1) {
		int why = X509_STORE_CTX_get_error(verification);
		return error_new(ERROR_DENIED, "the peer's certificate: %s",
				 X509_verify_cert_error_string(why ? why : X509_V_ERR_UNSPECIFIED));
	}
	if (peers->client && !peers->count && !names_peer(X509_STORE_CTX_get0_param(verification)))
		return error_new(ERROR_INVALID, "neither marble types nor a name were said to be expected of the "
				 "server");
	TRY(peer_of_certificate(X509_STORE_CTX_get0_cert(verification), &peer));
	return peers->count ? check_type(peers, peer.type) : NULL;
}

static void set_error(X509_STORE_CTX *verification, int number)
{
	if (X509_STORE_CTX_get_error(verification) == X509_V_OK)
		X509_STORE_CTX_set_error(verification, number);
}

static int verify(X509_STORE_CTX *verification, void *argument)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *shown = X509_STORE_CTX_get0_cert(verification);
	struct finding *finding = ssl ? new_finding(ssl) : NULL;
	if (!finding || !shown) {
		set_error(verification, X509_V_ERR_OUT_OF_MEM);
		return 0;
	}
	if (reason_of_error(judge(argument, verification), finding->reason) != 0) {
		set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	if (X509_up_ref(shown))
		finding->verified = shown;
	return finding->verified != NULL;
}

/* Contexts */

static error *copy_types(const struct marblerun_tls_options *options, struct peers *to)
{
	if (!options->peer_type_count)
		return NULL;
	to->types = calloc(options->peer_type_count, sizeof *to->types);
	TRY_ALLOC(to->types);
	for (size_t i = 0; i < options->peer_type_count; i++) {
		const char *type = options->peer_types ? options->peer_types[i] : NULL;
		if (!type || !*type || strlen(type) >= MARBLERUN_TYPE_SIZE)
			return error_new(ERROR_INVALID, "peer type %zu of %zu: a text of 1 to %d bytes is expected",
					 i + 1, options->peer_type_count, MARBLERUN_TYPE_SIZE - 1);
		to->types[i] = strdup(type);
		TRY_ALLOC(to->types[i]);
		to->count = i + 1;
	}
	return NULL;
}

static error *set_peers(SSL_CTX *context, const struct marblerun_tls_options *options, bool client)
{
	CLEANUP(peers_free) struct peers *peers = calloc(1, sizeof *peers);
	TRY_ALLOC(peers);
	peers->client = client;
	TRY(copy_types(options, peers));
	if (SSL_CTX_set_ex_data(context, peers_index, peers) != 1)
		return error_no_memory();
	int mode = SSL_VERIFY_PEER | (options->anonymous_clients ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	SSL_CTX_set_verify(context, mode, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify, TAKE(peers));
	return NULL;
}

static bool use_identity(SSL_CTX *context, const marblerun_marble *m)
{
	bool good = SSL_CTX_use_certificate(context, m->chain[0]) == 1 && SSL_CTX_use_PrivateKey(context, m->key) == 1;
	for (size_t i = 1; good && i < m->chain_size; i++)
		good = SSL_CTX_add1_chain_cert(context, m->chain[i]) == 1;
	return good && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), m->root) == 1;
}

/* A resumed session would not show its certificate again. */
static bool restrict_tls(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1 &&
	       SSL_CTX_set_recv_max_early_data(context, 0) == 1;
}

static error *make(const marblerun_marble *m, const struct marblerun_tls_options *options, bool client,
		   struct ssl_ctx_st **ret)
{
	static const struct marblerun_tls_options any_marble;
	CLEANUP(context_free) SSL_CTX *context = NULL;
	if (!options)
		options = &any_marble;
	if (client && options->anonymous_clients)
		return error_new(ERROR_INVALID, "anonymous_clients is for servers");
	TRY(need_indexes());
	context = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
	TRY_ALLOC(context);
	bool made = restrict_tls(context) && use_identity(context, m);
	ERR_clear_error();
	if (!made)
		return error_new(ERROR_INVALID, "OpenSSL does not take the marble's certificate and key");
	TRY(set_peers(context, options, client));
	*ret = TAKE(context);
	return NULL;
}

int marblerun_tls_client(const marblerun_marble *marble, const struct marblerun_tls_options *options,
			 struct ssl_ctx_st **ret, char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(make(marble, options, true, ret), reason);
}

int marblerun_tls_server(const marblerun_marble *marble, const struct marblerun_tls_options *options,
			 struct ssl_ctx_st **ret, char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(make(marble, options, false, ret), reason);
}

/* Connections */

static error *expect(SSL *ssl, const char *name)
{
	if (!name || !*name)
		return error_new(ERROR_INVALID, "a DNS name or an IP address is expected of the peer");
	X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
	bool is_address = X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1;
	if (!is_address) {
		X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
								   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
		is_address = X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1 &&
			     SSL_set_tlsext_host_name(ssl, name) == 1;
	}
	ERR_clear_error();
	return is_address ? NULL : error_new(ERROR_INVALID, "\"%.200s\" is neither a DNS name nor an IP address", name);
}

int marblerun_connection_expect(struct ssl_st *ssl, const char *name, char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(expect(ssl, name), reason);
}

static error *peer_of_connection(const SSL *ssl, struct marblerun_peer *ret)
{
	const struct finding *finding = finding_of(ssl);
	const X509 *shown = SSL_get0_peer_certificate(ssl);
	if (!SSL_is_init_finished(ssl))
		return error_new(ERROR_WRONG_STATE, "the handshake is not finished");
	if (!shown)
		return error_new(ERROR_UNAUTHENTICATED, "the peer showed no certificate");
	if (!finding || !finding->verified || X509_cmp(finding->verified, shown) != 0)
		return error_new(ERROR_UNAUTHENTICATED, "nobody has verified the peer's certificate as a marble's: "
				 "the connection's context must be of marblerun_tls_client or marblerun_tls_server");
	return peer_of_certificate(shown, ret);
}

int marblerun_connection_peer(const struct ssl_st *ssl, struct marblerun_peer *ret, char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(peer_of_connection(ssl, ret), reason);
}

bool marblerun_connection_refusal(const struct ssl_st *ssl, char reason[MARBLERUN_REASON_SIZE])
{
	const struct finding *finding = finding_of(ssl);
	if (!finding || finding->verified || !finding->reason[0])
		return false;
	memcpy(reason, finding->reason, sizeof finding->reason);
	return true;
}
