#include "ttls/resumption.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/hkdf.h"
#include "base/writer.h"
#include "ttls/heap.h"
#include "ttls/identity.h"
#include "ttls/plane.h"

enum { TICKET_KEYS = 80, CONTEXT_ID = 32 }; /* sizes that OpenSSL wants */
enum { LIFETIME_SECONDS = 3600, TICKET_REQUEST = 58 /* RFC 9149 */ };
static const uint64_t second_ns = 1000000000;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all memories */

void resumption_in_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Tickets and the rule */

static void write_text(struct writer *w, const char *text)
{
	bytes view = bytes_of_string(text ? text : "");
	write_be32(w, (uint32_t)view.size);
	write_bytes(w, view);
}

static error *derive(const struct plane_rule *rule, struct secret *to)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_text(&w, "marblerun session tickets 1");
	write_be16(&w, rule->port);
	write_text(&w, rule->ca);
	write_text(&w, rule->chain);
	write_u8(&w, rule->client_auth);
	write_u8(&w, rule->peers_given);
	for (size_t i = 0; i < rule->peer_count; i++)
		write_text(&w, rule->peers[i]);
	if (w.failed)
		return error_no_memory();
	return hkdf_sha256(bytes_of_string(rule->key), (bytes){ 0 }, writer_view(&w), to);
}

static bool verifies(const struct plane_rule *rule)
{
	return rule->outgoing || rule->client_auth;
}

/* Would a peer with this certificate, which was verified once, pass today? */
static bool still_good(const struct plane_rule *rule, SSL_SESSION *session)
{
	X509 *peer = SSL_SESSION_get0_peer(session);
	if (!verifies(rule))
		return true;
	return peer && X509_cmp_current_time(X509_get0_notBefore(peer)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(peer)) > 0 && identity_permitted(rule, peer);
}

/* Server: a client shows a ticket. */
static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t size,
				   SSL_TICKET_STATUS status, void *context)
{
	const struct connection *c = SSL_get_app_data(ssl);
	(void)name, (void)size, (void)context;
	bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
	return opened && still_good(c->rule, session) ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_IGNORE_RENEW;
}

/* Who wants tickets, and who gives them when asked (RFC 9149). Only certificates are answered with a ticket, so that
 * both are seen again within its lifetime. Other clients get none: one that never reads would answer a ticket with a
 * reset when it closes. Other servers' are not used: many refuse them later (OpenSSL's without a context ID). */

static int write_request(SSL *ssl, unsigned type, unsigned where, const unsigned char **ret, size_t *ret_size,
			 X509 *certificate, size_t index, int *alert, void *context)
{
	struct connection *c = SSL_get_app_data(ssl);
	(void)type, (void)certificate, (void)index, (void)alert, (void)context;
	*ret = c->ticket_request;
	*ret_size = sizeof c->ticket_request;
	if (where == SSL_EXT_CLIENT_HELLO)
		return 1;
	c->ticket_answer = c->ticket_request[TICKETS_IF_NEW] && !SSL_session_reused(ssl);
	SSL_set_num_tickets(ssl, c->ticket_answer);
	*ret = &c->ticket_answer;
	*ret_size = sizeof c->ticket_answer;
	return 1;
}

static int read_request(SSL *ssl, unsigned type, unsigned where, const unsigned char *data, size_t size,
			X509 *certificate, size_t index, int *alert, void *context)
{
	struct connection *c = SSL_get_app_data(ssl);
	bool asked = where == SSL_EXT_CLIENT_HELLO;
	(void)type, (void)certificate, (void)index, (void)context;
	*alert = SSL_AD_DECODE_ERROR;
	if (size != (asked ? sizeof c->ticket_request : sizeof c->ticket_answer))
		return 0;
	memcpy(asked ? c->ticket_request : &c->ticket_answer, data, size);
	return 1;
}

/* Takes `session` over; NULL: nothing any more. */
static void remember(struct connection *c, SSL_SESSION *session)
{
	pthread_mutex_lock(&lock);
	SSL_SESSION *before = c->rule->memory.session;
	c->rule->memory.session = session;
	pthread_mutex_unlock(&lock);
	SSL_SESSION_free(before);
}

/* Client: a ticket has come. Returns whether it is taken. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	remember(SSL_get_app_data(ssl), session);
	return 1;
}

bool resumption_prepare(SSL_CTX *context, const struct plane_rule *rule)
{
	struct secret keys = { heap_alloc(TICKET_KEYS + CONTEXT_ID), TICKET_KEYS + CONTEXT_ID };
	error *failed = keys.data ? derive(rule, &keys) : NULL;
	bool made = keys.data && !failed && SSL_CTX_set_num_tickets(context, 0) == 1 &&
		    SSL_CTX_set_tlsext_ticket_keys(context, keys.data, TICKET_KEYS) == 1 &&
		    SSL_CTX_set_session_id_context(context, keys.data + TICKET_KEYS, CONTEXT_ID) == 1 &&
		    SSL_CTX_set_session_ticket_cb(context, NULL, on_ticket, NULL) == 1 &&
		    SSL_CTX_add_custom_ext(context, TICKET_REQUEST,
					   SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS, write_request,
					   NULL, NULL, read_request, NULL) == 1;
	SSL_CTX_set_timeout(context, LIFETIME_SECONDS);
	SSL_CTX_set_session_cache_mode(context, rule->outgoing ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL :
								SSL_SESS_CACHE_OFF);
	SSL_CTX_sess_set_new_cb(context, on_session);
	heap_free(keys.data);
	error_free(failed);
	return made;
}

/* Client */

void resumption_offer(struct connection *c)
{
	struct plane_memory *memory = &c->rule->memory;
	SSL_SESSION *copy = NULL;
	uint64_t now = now_ns();
	pthread_mutex_lock(&lock);
	if (memory->session && still_good(c->rule, memory->session))
		copy = SSL_SESSION_dup(memory->session);
	/* One connection at a time: it holds more memory until the ticket is there. */
	c->ticket_request[TICKETS_IF_NEW] = memory->connected && now - memory->asked_ns > second_ns;
	if (c->ticket_request[TICKETS_IF_NEW] && !copy)
		memory->asked_ns = now;
	memory->connected = true;
	pthread_mutex_unlock(&lock);
	c->ticket_shown = copy && SSL_set_session(c->ssl, copy) == 1;
	SSL_SESSION_free(copy);
}

void resumption_failed(struct connection *c)
{
	if (c->ticket_shown)
		remember(c, NULL);
}

void resumption_expect(struct connection *c)
{
	if (SSL_session_reused(c->ssl))
		return;
	resumption_failed(c); /* what the server has not taken it won't take next time either */
	if (!c->ticket_request[TICKETS_IF_NEW] || !c->ticket_answer)
		return;
	c->expecting = c->ssl;
	c->ssl = NULL;
}

void resumption_forget(struct connection *c)
{
	if (c->expecting) /* what is cut off without a goodbye OpenSSL would not resume */
		SSL_set_shutdown(c->expecting, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->expecting);
	c->expecting = NULL;
}

/* OpenSSL knows what the ticket belongs to (4.6.1), and takes it as a record: so it is sealed again, as the server did
 * it with its first. */
static bool hand_over(struct connection *c, const uint8_t *message, size_t size, uint8_t *sealed)
{
	struct record_keys keys = { 0 };
	const struct iovec part = { (void *)(uintptr_t)message, size };
	const struct cipher_suite *suite = cipher_suite_of(c->shared->suite);
	bool handed = record_keys_make(suite, shared_secrets(plane.region, c->shared)->receive, true, &keys) &&
		      record_seal(&keys, 0, RECORD_HANDSHAKE, &part, size, sealed) &&
		      BIO_write(SSL_get_rbio(c->expecting), sealed, (int)(size + RECORD_OVERHEAD)) > 0;
	record_keys_free(&keys);
	return handed;
}

void resumption_take(struct connection *c, const uint8_t *message, size_t size)
{
	char nothing;
	if (!c->expecting || c->shared->receive.generation || size > RECORD_PLAIN_MAX)
		return;
	uint8_t *sealed = heap_alloc(size + RECORD_OVERHEAD);
	if (sealed && hand_over(c, message, size, sealed))
		(void)SSL_read(c->expecting, &nothing, sizeof nothing);
	ERR_clear_error();
	heap_free(sealed);
	resumption_forget(c);
}
