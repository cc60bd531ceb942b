/* The handshake: OpenSSL on whole records that are moved between it and the socket. It ends with two traffic
 * secrets, after which OpenSSL's part of a connection is released. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "ttls/connection.h"
#include "ttls/count.h"
#include "ttls/heap.h"
#include "ttls/identity.h"
#include "ttls/plane.h"
#include "ttls/resumption.h"
#include "ttls/system.h"

/* Who has not shown who he is holds up a server this long. A client waits for a server that is busy as long as
 * connect() does (tcp(7), tcp_syn_retries). */
static const uint64_t server_limit_ns = 10 * (uint64_t)1000000000, client_limit_ns = 127 * (uint64_t)1000000000;
static const char own_suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static enum refusal refusal_of(int why)
{
	switch (why) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return REFUSED_WRONG_NAME;
	default:
		return REFUSED_WRONG_CA;
	}
}

/* Called for each certificate of a chain; depth 0 is the peer's own, when its chain is verified. */
static int on_verify(int good, X509_STORE_CTX *verified)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(verified, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct connection *c = SSL_get_app_data(ssl);
	if (!good) {
		c->refusal = refusal_of(X509_STORE_CTX_get_error(verified));
		return 0;
	}
	if (X509_STORE_CTX_get_error_depth(verified) == 0 &&
	    !identity_permitted(c->rule, X509_STORE_CTX_get_current_cert(verified))) {
		X509_STORE_CTX_set_error(verified, X509_V_ERR_APPLICATION_VERIFICATION);
		identity_note(c, X509_STORE_CTX_get_current_cert(verified));
		c->refusal = REFUSED_WRONG_TYPE;
		return 0;
	}
	return 1;
}

/* The secrets of 7.1, as OpenSSL hands them to programs that log keys: "LABEL client_random secret". */
static void on_secret(const SSL *ssl, const char *line)
{
	static const char *const labels[] = { "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 " };
	struct connection *c = SSL_get_app_data(ssl);
	for (int i = 0; i < 2; i++) {
		size_t label = strlen(labels[i]);
		if (strncmp(line, labels[i], label) != 0)
			continue;
		const char *secret = strchr(line + label, ' ');
		size_t size;
		if (secret && OPENSSL_hexstr2buf_ex(c->secrets[i], TRAFFIC_SECRET_MAX, &size, secret + 1, '\0') == 1)
			c->secret_count++;
	}
}

/* Tickets are the first that a server seals with its last keys, when it has seen the client's Finished (4.6.1). */
static void on_message(int sent, int version, int type, const void *data, size_t size, SSL *ssl, void *context)
{
	struct connection *c = SSL_get_app_data(ssl);
	(void)version, (void)data, (void)size, (void)context;
	if (sent && type == SSL3_RT_HEADER && c->shared->server && c->secret_count == 2)
		c->tickets++;
}

static SSL_CTX *new_context(const struct plane_rule *rule)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	if (!context)
		return NULL;
	bool made = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
		    SSL_CTX_set_ciphersuites(context, own_suites) == 1 && identity_use(context, rule) &&
		    resumption_prepare(context, rule);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_keylog_callback(context, on_secret);
	SSL_CTX_set_msg_callback(context, on_message);
	if (rule->outgoing || rule->client_auth)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	if (made)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;

static SSL_CTX *context_of(struct plane_rule *rule)
{
	pthread_mutex_lock(&contexts_lock);
	if (!rule->context)
		rule->context = new_context(rule);
	pthread_mutex_unlock(&contexts_lock);
	return rule->context;
}

void handshake_in_child(void)
{
	contexts_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	resumption_in_child();
}

/* Names are compared by 6125's rules; an address must be in the certificate as an address. */
static bool expect_peer(SSL *ssl, const char *address)
{
	X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
	if (X509_VERIFY_PARAM_set1_ip_asc(parameters, address) == 1)
		return true;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(parameters, address, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, address) == 1;
}

/* The end of the handshake and the first data are two sends without an answer in between: with Nagle's algorithm the
 * second would wait for a delayed acknowledgment (RFC 9293, 3.7.4). */
static void send_at_once(int fd)
{
	int on = 1;
	(void)!sys->setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static SSL *new_ssl(struct connection *c)
{
	SSL_CTX *context = context_of(c->rule);
	SSL *ssl = context ? SSL_new(context) : NULL;
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	if (!ssl || !in || !out || (c->rule->outgoing && !expect_peer(ssl, c->rule->address))) {
		SSL_free(ssl);
		BIO_free(in);
		BIO_free(out);
		return NULL;
	}
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(ssl, in, out);
	SSL_set_app_data(ssl, c);
	if (c->shared->server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

void handshake_free(struct connection *c)
{
	SSL_free(c->ssl);
	heap_free(c->flight);
	heap_free(c->early);
	explicit_bzero(c->secrets, sizeof c->secrets);
	c->ssl = NULL;
	c->flight = c->early = NULL;
	c->flight_size = 0;
	c->early_size = 0;
}

/* Between OpenSSL and the socket */

/* What OpenSSL has to say goes behind what is still waiting. */
static bool collect(struct connection *c)
{
	char *data;
	long size = BIO_get_mem_data(SSL_get_wbio(c->ssl), &data);
	if (size <= 0)
		return true;
	uint8_t *flight = heap_resize(c->flight, c->flight_size + (size_t)size);
	if (!flight)
		return false;
	memcpy(flight + c->flight_size, data, (size_t)size);
	c->flight = flight;
	c->flight_size += (size_t)size;
	(void)BIO_reset(SSL_get_wbio(c->ssl));
	return true;
}

static int send_flight(struct connection *c, int fd)
{
	while (c->flight_size) {
		ssize_t sent = sys->send(fd, c->flight, c->flight_size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EWOULDBLOCK ? EAGAIN : errno;
		c->flight_size -= (size_t)sent;
		memmove(c->flight, c->flight + sent, c->flight_size);
	}
	return 0;
}

/* Some bytes; fewer only when there are no more now. */
static int take_bytes(int fd, uint8_t *to, size_t size, size_t *ret)
{
	ssize_t got = sys->recv(fd, to, size, MSG_DONTWAIT);
	if (got < 0)
		return errno == EWOULDBLOCK ? EAGAIN : errno;
	*ret = (size_t)got;
	return got ? 0 : ECONNRESET;
}

static bool feed(struct connection *c, const uint8_t *data, size_t size)
{
	return BIO_write(SSL_get_rbio(c->ssl), data, (int)size) == (int)size;
}

static int take_header(struct connection *c, int fd)
{
	size_t got = 0;
	int failed = take_bytes(fd, c->header + c->header_size, RECORD_HEADER - c->header_size, &got);
	if (failed)
		return failed;
	c->header_size += got;
	bool whole = c->header_size == RECORD_HEADER;
	size_t size = whole ? record_size(c->header) : RECORD_HEADER;
	if (!size || c->header[0] < RECORD_CHANGE_CIPHER_SPEC || c->header[0] > RECORD_DATA) {
		c->refusal = REFUSED_NOT_TLS;
		return EPROTO;
	}
	c->record_left = size - RECORD_HEADER;
	return !whole ? 0 : feed(c, c->header, RECORD_HEADER) ? 0 : ENOMEM;
}

/* Hands OpenSSL the next record, and no byte of what follows it. */
static int take_record(struct connection *c, int fd)
{
	uint8_t *part = scratch();
	size_t got = 0;
	int failed = part ? 0 : ENOMEM;
	while (!failed && c->header_size < RECORD_HEADER)
		failed = take_header(c, fd);
	while (!failed && c->record_left) {
		failed = take_bytes(fd, part, c->record_left, &got);
		if (!failed && !feed(c, part, got))
			failed = ENOMEM;
		if (!failed)
			c->record_left -= got;
	}
	if (!failed)
		c->header_size = 0;
	return failed;
}

/* The end of a handshake */

static int establish(struct connection *c, int fd)
{
	struct shared_connection *shared = c->shared;
	X509 *peer = SSL_get0_peer_certificate(c->ssl);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(c->ssl);
	const struct cipher_suite *suite = cipher ? cipher_suite_of(SSL_CIPHER_get_protocol_id(cipher)) : NULL;
	if (!suite || c->secret_count != 2 || BIO_ctrl_pending(SSL_get_rbio(c->ssl)))
		return EPROTO;
	shared->suite = suite->id;
	shared->send.sequence = c->tickets;
	struct shared_secrets *secrets = shared_secrets(plane.region, shared);
	memcpy(secrets->send, c->secrets[shared->server], TRAFFIC_SECRET_MAX);
	memcpy(secrets->receive, c->secrets[!shared->server], TRAFFIC_SECRET_MAX);
	if (peer)
		identity_note(c, peer);
	count_established(c, fd);
	if (!shared->server)
		resumption_expect(c);
	shared->phase = PHASE_ESTABLISHED;
	struct iovec part = { c->early, c->early_size };
	struct segments early = segments_of(&part, 1);
	int failed = early.left ? send_all(c, fd, &early) : 0;
	handshake_free(c);
	return failed;
}

static enum refusal refusal_of_openssl(void)
{
	int reason = ERR_GET_REASON(ERR_peek_error());
	if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
		return REFUSED_BY_PEER; /* its alert */
	switch (reason) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return REFUSED_NO_CERTIFICATE;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
		return REFUSED_NOT_TLS;
	default:
		return REFUSED_OTHER;
	}
}

static int refuse(struct connection *c, int fd, int failure)
{
	if (!c->refusal)
		c->refusal = failure == ETIMEDOUT  ? REFUSED_TIMEOUT :
			     failure == ECONNRESET ? REFUSED_CLOSED :
						     REFUSED_OTHER;
	count_refused(c, fd);
	resumption_failed(c);
	if (c->ssl && collect(c))
		(void)send_flight(c, fd); /* the alert that says why */
	handshake_free(c);
	return connection_fail(c, fd, failure == EPROTO ? ECONNRESET : failure);
}

/* One step: 0 when done, EAGAIN when a record from the peer or room for ours is missing. */
static int step(struct connection *c, int fd)
{
	int failed = send_flight(c, fd);
	if (failed)
		return failed;
	ERR_clear_error();
	int result = SSL_do_handshake(c->ssl), why = SSL_get_error(c->ssl, result);
	if (!collect(c))
		return ENOMEM;
	if (result != 1 && why != SSL_ERROR_WANT_READ) {
		if (!c->refusal)
			c->refusal = refusal_of_openssl();
		ERR_clear_error();
		return EPROTO;
	}
	failed = send_flight(c, fd);
	if (failed || result == 1)
		return failed ? failed : establish(c, fd);
	failed = take_record(c, fd);
	return failed ? failed : EINPROGRESS;
}

/* 0, EAGAIN while it is under way, or why it failed. */
static int connected(int fd)
{
	struct sockaddr_storage peer;
	struct pollfd over = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof peer;
	int failed = 0;
	if (sys->getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
		return 0;
	if (sys->poll(&over, 1, 0) <= 0 || !(over.revents & (POLLERR | POLLHUP)))
		return EAGAIN;
	size = sizeof failed;
	sys->getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
	return failed ? failed : ENOTCONN;
}

/* With both locks; as far as it goes without waiting. */
static int advance(struct connection *c, int fd)
{
	struct shared_connection *shared = c->shared;
	int failed = EINPROGRESS;
	if (shared->phase == PHASE_ESTABLISHED)
		return 0;
	if (shared->phase == PHASE_FAILED)
		return shared->failure;
	if (shared->phase == PHASE_CONNECTING) {
		failed = connected(fd);
		if (failed)
			return failed;
		shared->phase = PHASE_HANDSHAKE;
		c->connected_ns = now_ns();
		failed = EINPROGRESS;
	}
	if (c->steps != shared->handshake_steps) /* another process has gone on with it */
		return connection_fail(c, fd, ECONNRESET);
	if (!c->ssl) {
		c->ssl = new_ssl(c);
		if (!c->ssl)
			return refuse(c, fd, ENOMEM);
		if (!shared->server)
			resumption_offer(c);
		send_at_once(fd);
		c->connected_ns = c->connected_ns ? c->connected_ns : c->began_ns; /* inherited */
	}
	while (failed == EINPROGRESS) {
		failed = step(c, fd);
		c->steps = ++shared->handshake_steps;
	}
	if (failed == EAGAIN && now_ns() >= c->began_ns + (shared->server ? server_limit_ns : client_limit_ns))
		failed = ETIMEDOUT;
	return failed && failed != EAGAIN ? refuse(c, fd, failed) : failed;
}

enum { OTHERS_MAX = 63, SLICE_MS = 30 };

/* Connections of this process whose handshakes are under way. */
struct others {
	struct pollfd fds[OTHERS_MAX + 1]; /* the first is the one that is waited for */
	nfds_t count;
};
static _Thread_local struct others *gathering;

static void gather(int fd, struct connection *c)
{
	uint32_t phase = c->shared->phase;
	if ((phase == PHASE_HANDSHAKE || phase == PHASE_CONNECTING) && gathering->count <= OTHERS_MAX &&
	    !c->given && fd != gathering->fds[0].fd)
		gathering->fds[gathering->count++] = (struct pollfd){
			.fd = fd, .events = phase == PHASE_CONNECTING ? POLLOUT : POLLIN };
}

/* A thread that is connected to itself would wait for ever: so who waits for long also goes on with the others. One
 * whose bytes another has taken sees so after a slice. */
static int wait_a_slice(int fd, short events, bool with_others)
{
	struct others others = { .fds = { { .fd = fd, .events = events } }, .count = 1 };
	gathering = &others;
	if (with_others)
		connection_each(gather);
	int ready = sys->poll(others.fds, others.count, SLICE_MS);
	if (ready < 0)
		return errno;
	for (nfds_t i = 1; i < others.count; i++) {
		struct connection *other = others.fds[i].revents ? connection_of(others.fds[i].fd) : NULL;
		if (!other)
			continue;
		(void)connection_ready_wait(other, others.fds[i].fd, false);
		connection_put(other);
	}
	return 0;
}

/* Who must not wait does not wait for another thread either, which may be waiting inside for the peer. */
static int advance_locked(struct connection *c, int fd, bool wait, short *ret_events)
{
	struct shared_connection *shared = c->shared;
	if (!wait && pthread_mutex_trylock(&shared->receive_lock) != 0)
		return EAGAIN;
	if (wait && !shared_lock(&shared->receive_lock))
		return EIO;
	int failed = EIO;
	if (shared_lock(&shared->send_lock)) {
		failed = advance(c, fd);
		*ret_events = shared->phase == PHASE_CONNECTING || c->flight_size ? POLLOUT : POLLIN;
		shared_unlock(&shared->send_lock);
	}
	shared_unlock(&shared->receive_lock);
	return failed;
}

/* The kernel restarts its own calls after a signal whose handler wants that, but never poll. Which signal it was can't
 * be told: so all handlers have to want it. */
static bool handlers_restart(void)
{
	for (int number = 1; number < SIGRTMAX; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
		    action.sa_handler != SIG_IGN && !(action.sa_flags & SA_RESTART))
			return false;
	}
	return true;
}

static int ready_until(struct connection *c, int fd, bool wait, uint64_t until_ns)
{
	for (bool long_wait = false;; long_wait = true) {
		uint32_t phase = atomic_load_explicit(&c->shared->phase, memory_order_acquire);
		if (phase == PHASE_ESTABLISHED)
			return 0;
		if (phase == PHASE_FAILED)
			return c->shared->failure ? c->shared->failure : ECONNRESET;
		short events = POLLIN;
		int failed = advance_locked(c, fd, wait, &events);
		if (failed != EAGAIN || !wait || now_ns() >= until_ns)
			return failed;
		failed = wait_a_slice(fd, events, long_wait);
		if (failed && !(failed == EINTR && handlers_restart()))
			return failed;
	}
}

int connection_ready_wait(struct connection *c, int fd, bool wait)
{
	return ready_until(c, fd, wait, UINT64_MAX);
}

static void expire(int fd, struct connection *c)
{
	if (c->shared->server && !c->given && c->shared->phase == PHASE_HANDSHAKE &&
	    now_ns() >= c->began_ns + server_limit_ns)
		(void)connection_ready_wait(c, fd, false);
}

void connection_expire_silent(void)
{
	static _Atomic uint64_t next_ns;
	const uint64_t pause_ns = 1000000000;
	uint64_t next = next_ns, now = now_ns();
	if (now >= next && atomic_compare_exchange_strong(&next_ns, &next, now + pause_ns))
		connection_each(expire);
}

/* When a call that begins now shall end for SO_RCVTIMEO or SO_SNDTIMEO. */
static uint64_t end_of_patience(int fd, int time_option)
{
	struct timeval limit = { 0 };
	socklen_t size = sizeof limit;
	sys->getsockopt(fd, SOL_SOCKET, time_option, &limit, &size);
	uint64_t ns = (uint64_t)limit.tv_sec * 1000000000 + (uint64_t)limit.tv_usec * 1000;
	return ns ? now_ns() + ns : UINT64_MAX;
}

int connection_ready(struct connection *c, int fd, int flags, int time_option)
{
	if (atomic_load_explicit(&c->shared->phase, memory_order_acquire) == PHASE_ESTABLISHED)
		return 0;
	bool wait = descriptor_waits(fd, flags);
	return ready_until(c, fd, wait, wait ? end_of_patience(fd, time_option) : 0);
}
