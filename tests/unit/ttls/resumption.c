/* Coming back with a ticket: when it is done, and when it must not be. Both ends are the data plane's, and what it
 * counts tells how they came together. */
#include "../../ttls/in_process.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* last */
#include <cmocka.h>

#include "ttls/heap.h"
#include "ttls/resumption.h"
#include "ttls/system.h"

static int listener;
static int64_t seconds_ahead;

/* OpenSSL's clock can be set; from 3.2 on it is the second one. */
__attribute__((visibility("default"))) time_t time(time_t *ret)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += seconds_ahead;
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){ .tv_sec = now.tv_sec + seconds_ahead, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

struct pair {
	int client, server;
	bool open; /* the handshake went through on both sides */
};

static int ready(int fd)
{
	struct connection *c = connection_of(fd);
	int failed = connection_ready_wait(c, fd, false);
	connection_put(c);
	return failed;
}

static struct pair new_pair(enum rule_of_test outgoing, enum rule_of_test incoming)
{
	struct pair p = { 0 };
	int client = EAGAIN, server = EAGAIN;
	in_process_connect(listener, &p.client, &p.server);
	assert_true(connection_attach(p.client, in_process_rule(outgoing), PHASE_HANDSHAKE, false));
	assert_true(connection_attach(p.server, in_process_rule(incoming), PHASE_HANDSHAKE, true));
	while (client == EAGAIN || server == EAGAIN) {
		client = ready(p.client);
		server = ready(p.server);
	}
	p.open = !client && !server;
	return p;
}

static void free_pair(struct pair *p)
{
	connection_detach(p->client);
	connection_detach(p->server);
	close(p->client);
	close(p->server);
}

/* Both directions, with what the server has to say first. */
static bool talk(const struct pair *p)
{
	uint8_t sent[50000], got[sizeof sent];
	size_t have = 0;
	memset(sent, 's', sizeof sent);
	for (int way = 0; way < 2; way++) {
		int from = way ? p->client : p->server, to = way ? p->server : p->client;
		if (in_process_put(from, sent, sizeof sent) != sizeof sent)
			return false;
		for (have = 0; have < sizeof got;) {
			ssize_t now = in_process_get(to, got + have, sizeof got - have, 0);
			if (now < 0 && errno == EAGAIN)
				continue;
			if (now <= 0)
				return false;
			have += (size_t)now;
		}
		if (memcmp(got, sent, sizeof got) != 0)
			return false;
	}
	return true;
}

static uint64_t resumed(void)
{
	uint64_t all = 0;
	for (int i = 0; i < TELEMETRY_SERIES; i++)
		all += plane.telemetry->series[i].resumed;
	return all;
}

/* How many sides of one more connection resume: 0 or 2. */
static uint64_t connect_once(enum rule_of_test outgoing, enum rule_of_test incoming, bool expected)
{
	uint64_t before = resumed();
	struct pair p = new_pair(outgoing, incoming);
	assert_int_equal(p.open, expected);
	if (expected)
		assert_true(talk(&p));
	free_pair(&p);
	return resumed() - before;
}

/* Contexts are made anew: nobody remembers anything. */
static int forget(void **state)
{
	(void)state;
	seconds_ahead = 0;
	for (int i = 0; i < RULES_OF_TEST; i++) {
		SSL_CTX_free(in_process_rule(i)->context);
		SSL_SESSION_free(in_process_rule(i)->memory.session);
		in_process_rule(i)->context = NULL;
		in_process_rule(i)->memory = (struct plane_memory){ 0 };
	}
	return 0;
}

/* The first connection of a rule asks for nothing: most programs make no second one. */
static void learn(enum rule_of_test outgoing, enum rule_of_test incoming)
{
	for (unsigned i = 0; i < 2; i++) {
		struct pair p = new_pair(outgoing, incoming);
		struct connection *server = connection_of(p.server);
		assert_true(p.open);
		assert_int_equal(server->tickets, i);
		connection_put(server);
		assert_true(talk(&p));
		free_pair(&p);
	}
}

static void the_third_resumes(void **state)
{
	(void)state;
	learn(RULE_OUTGOING_TYPED, RULE_INCOMING_TYPED);
	for (int i = 0; i < 5; i++)
		assert_int_equal(connect_once(RULE_OUTGOING_TYPED, RULE_INCOMING_TYPED, true), 2);
}

/* Who the peer is: as if it had shown its certificate. */
static void the_peer_is_known(void **state)
{
	(void)state;
	learn(RULE_OUTGOING, RULE_INCOMING);
	struct pair p = new_pair(RULE_OUTGOING, RULE_INCOMING);
	struct connection *client = connection_of(p.client), *server = connection_of(p.server);
	assert_string_equal(client->shared->peer_type, "server");
	assert_string_equal(server->shared->peer_type, "client");
	assert_string_equal(server->shared->peer_uuid, "00000000-0000-0000-0000-000000000001");
	connection_put(client);
	connection_put(server);
	free_pair(&p);
}

/* Where no certificate was asked for, none is known later. */
static void anybody(void **state)
{
	(void)state;
	learn(RULE_OUTGOING, RULE_INCOMING_OPEN);
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING_OPEN, true), 2);
}

/* The same marble, another entry: its tickets are not taken. Then there is a new one. */
static void a_ticket_of_another_rule(void **state)
{
	(void)state;
	const enum rule_of_test others[] = { RULE_INCOMING, RULE_INCOMING_TYPED, RULE_INCOMING_REFUSING };
	for (int from = 0; from < 2; from++)
		for (int i = from; i < 3; i++) {
			forget(NULL);
			learn(RULE_OUTGOING, from ? RULE_INCOMING : RULE_INCOMING_OPEN);
			bool expected = others[i] != RULE_INCOMING_REFUSING;
			assert_int_equal(connect_once(RULE_OUTGOING, others[i], expected), 0);
		}
}

static void a_server_of_another_key(void **state)
{
	(void)state;
	struct plane_rule *server = in_process_rule(RULE_INCOMING);
	struct plane_rule before = *server;
	learn(RULE_OUTGOING, RULE_INCOMING);
	server->key = in_process_rule(RULE_OUTGOING)->key;
	server->chain = in_process_rule(RULE_OUTGOING)->chain;
	SSL_CTX_free(server->context);
	server->context = NULL;
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
	usleep(1100000); /* it asks once a second at most */
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 2);
	SSL_CTX_free(server->context);
	*server = before;
	server->context = NULL;
}

/* The type is looked at again, on both sides. */
static void a_type_that_is_refused_now(void **state)
{
	(void)state;
	static char *nobody = (char *)(uintptr_t) "nobody";
	struct plane_rule *rules[] = { in_process_rule(RULE_INCOMING_TYPED), in_process_rule(RULE_OUTGOING_TYPED) };
	for (int i = 0; i < 2; i++) {
		char **before = rules[i]->peers;
		forget(NULL);
		learn(RULE_OUTGOING_TYPED, RULE_INCOMING_TYPED);
		rules[i]->peers = &nobody;
		assert_int_equal(connect_once(RULE_OUTGOING_TYPED, RULE_INCOMING_TYPED, false), 0);
		rules[i]->peers = before;
	}
}

/* Tickets live for an hour. */
static void an_old_ticket(void **state)
{
	(void)state;
	learn(RULE_OUTGOING, RULE_INCOMING);
	seconds_ahead = 3590;
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 2);
	seconds_ahead = 3700;
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
}

static X509 *leaf_of(const struct plane_rule *rule)
{
	return SSL_CTX_get0_certificate(rule->context);
}

/* A certificate that has run out since then. */
static void a_certificate_that_is_over(void **state)
{
	(void)state;
	const struct plane_rule *sides[] = { in_process_rule(RULE_INCOMING), in_process_rule(RULE_OUTGOING) };
	for (int i = 0; i < 2; i++) {
		forget(NULL);
		assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
		in_process_limit(leaf_of(sides[i]), 600);
		assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
		seconds_ahead = 500;
		assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 2);
		seconds_ahead = 700;
		assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, false), 0);
	}
}

/* A ticket alone makes nothing readable, and a client that leaves without reading it resets nobody. */
static void an_unread_ticket(void **state)
{
	(void)state;
	uint8_t byte = 'x';
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
	struct pair p = new_pair(RULE_OUTGOING, RULE_INCOMING);
	struct pollfd waits = { .fd = p.client, .events = POLLIN };
	struct connection *client = connection_of(p.client);
	assert_true(p.open && client->expecting);
	assert_int_equal(sys->poll(&waits, 1, 10000), 1);
	assert_false(connection_settle(client, p.client));
	assert_int_equal(sys->poll(&waits, 1, 0), 0);
	assert_false(client->expecting);
	connection_put(client);
	free_pair(&p);

	forget(NULL);
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 0);
	p = new_pair(RULE_OUTGOING, RULE_INCOMING);
	waits.fd = p.client;
	assert_int_equal(sys->poll(&waits, 1, 10000), 1);
	assert_int_equal(in_process_put(p.client, &byte, 1), 1);
	connection_detach(p.client);
	close(p.client);
	while (ready(p.server) == EAGAIN)
		;
	assert_int_equal(in_process_get(p.server, &byte, 1, 0), 1);
	assert_int_equal(in_process_get(p.server, &byte, 1, 0), 0);
	connection_detach(p.server);
	close(p.server);
}

/* A server that has forked: its child takes what it gave, and the other way round. */
static void a_forked_server(void **state)
{
	(void)state;
	learn(RULE_OUTGOING, RULE_INCOMING);
	SSL_CTX_free(in_process_rule(RULE_INCOMING)->context);
	in_process_rule(RULE_INCOMING)->context = NULL; /* as in a child that has had none */
	assert_int_equal(connect_once(RULE_OUTGOING, RULE_INCOMING, true), 2);
}

static void *connect_often(void *context)
{
	uint64_t *failed = context;
	for (int i = 0; i < 30; i++) {
		struct pair p = new_pair(RULE_OUTGOING, RULE_INCOMING);
		*failed += !p.open || !talk(&p);
		free_pair(&p);
	}
	return NULL;
}

static void many_at_once(void **state)
{
	(void)state;
	pthread_t threads[4];
	uint64_t failed[4] = { 0 }, before = resumed();
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, connect_often, &failed[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failed[i], 0);
	}
	assert_true(resumed() > before);
}

/* A peer of OpenSSL's. True: both have a connection; a byte went each way. */
static bool meet(SSL_CTX *context, bool peer_serves)
{
	int connecting, accepted, done = 0, failed = EAGAIN;
	char byte = 'x';
	in_process_connect(listener, &connecting, &accepted);
	int own = peer_serves ? connecting : accepted, peers = peer_serves ? accepted : connecting;
	enum rule_of_test rule = peer_serves ? RULE_OUTGOING : RULE_INCOMING;
	assert_true(connection_attach(own, in_process_rule(rule), PHASE_HANDSHAKE, !peer_serves));
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, peers);
	in_process_no_waiting(peers);
	while (failed == EAGAIN || (!failed && done != 1)) {
		failed = ready(own);
		done = peer_serves ? SSL_accept(ssl) : SSL_connect(ssl);
		ERR_clear_error();
	}
	bool met = !failed && in_process_put(own, &byte, 1) == 1;
	while (met && SSL_read(ssl, &byte, 1) != 1)
		;
	if (met)
		assert_int_equal(SSL_write(ssl, &byte, 1), 1);
	while (met && in_process_get(own, &byte, 1, 0) != 1)
		;
	assert_false(SSL_session_reused(ssl));
	if (!peer_serves)
		assert_false(SSL_SESSION_has_ticket(SSL_get0_session(ssl)));
	connection_detach(own);
	close(own);
	close(peers);
	SSL_free(ssl);
	return met;
}

/* A peer that knows nothing of all this gets no ticket, and one that gives tickets unasked does not see them again. */
static void other_peers(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		SSL_CTX *context = in_process_peer(i % 2 ? CREDENTIAL_SERVER : CREDENTIAL_CLIENT);
		assert_true(meet(context, i % 2));
		SSL_CTX_free(context);
	}
}

static int promise(SSL *ssl, unsigned type, unsigned where, const unsigned char **ret, size_t *ret_size,
		   X509 *certificate, size_t index, int *alert, void *context)
{
	static const unsigned char one = 1;
	(void)ssl, (void)type, (void)where, (void)certificate, (void)index, (void)alert, (void)context;
	*ret = &one;
	*ret_size = 1;
	return 1;
}

static int take(SSL *ssl, unsigned type, unsigned where, const unsigned char *data, size_t size, X509 *certificate,
		size_t index, int *alert, void *context)
{
	(void)ssl, (void)type, (void)where, (void)data, (void)size, (void)certificate, (void)index, (void)alert;
	(void)context;
	return 1;
}

/* It gives tickets when asked, and fails when it sees them: once. */
static void a_server_that_fails_on_tickets(void **state)
{
	(void)state;
	SSL_CTX *context = in_process_peer(CREDENTIAL_SERVER); /* demands certificates, without a context ID */
	SSL_CTX_add_custom_ext(context, 58, SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS, promise, NULL,
			       NULL, take, NULL);
	assert_true(meet(context, true));
	assert_true(meet(context, true));
	assert_non_null(in_process_rule(RULE_OUTGOING)->memory.session);
	assert_false(meet(context, true));
	assert_true(meet(context, true));
	SSL_CTX_free(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_third_resumes, forget),
		cmocka_unit_test_setup(the_peer_is_known, forget),
		cmocka_unit_test_setup(anybody, forget),
		cmocka_unit_test_setup(a_ticket_of_another_rule, forget),
		cmocka_unit_test_setup(a_server_of_another_key, forget),
		cmocka_unit_test_setup(a_type_that_is_refused_now, forget),
		cmocka_unit_test_setup(an_old_ticket, forget),
		cmocka_unit_test_setup(a_certificate_that_is_over, forget),
		cmocka_unit_test_setup(an_unread_ticket, forget),
		cmocka_unit_test_setup(a_forked_server, forget),
		cmocka_unit_test_setup(many_at_once, forget),
		cmocka_unit_test_setup(other_peers, forget),
		cmocka_unit_test_setup(a_server_that_fails_on_tickets, forget),
	};
	signal(SIGPIPE, SIG_IGN);
	listener = in_process_listener();
	in_process_start(listener);
	plane.telemetry = telemetry_map(telemetry_new());
	return cmocka_run_group_tests(tests, NULL, forget);
}
