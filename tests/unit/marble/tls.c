#include "testing.h"

#include "made_marble.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

static struct ca ca, other;
static marblerun_marble *app, *guest, *foreign;
static char reason[MARBLERUN_REASON_SIZE];

static int make_meshes(void **state)
{
	(void)state;
	made_mesh(&ca);
	made_mesh(&other);
	app = made_marble(&ca, "app", "app.example,192.0.2.9,*.wild.example");
	guest = made_marble(&ca, "guest", "guest.example");
	foreign = made_marble(&other, "app", "app.example");
	return 0;
}

static int drop_meshes(void **state)
{
	(void)state;
	marblerun_marble_free(app);
	marblerun_marble_free(guest);
	marblerun_marble_free(foreign);
	ca_free(&ca);
	ca_free(&other);
	return 0;
}

static SSL_CTX *context(const marblerun_marble *m, bool client, const struct marblerun_tls_options *options)
{
	SSL_CTX *made;
	int failed = client ? marblerun_tls_client(m, options, &made, reason)
			    : marblerun_tls_server(m, options, &made, reason);
	if (failed)
		fail_msg("%s", reason);
	return made;
}

/* Both ends in memory. They own their contexts. */
struct pair {
	SSL *client, *server;
};

static struct pair pair_of(SSL_CTX *client, SSL_CTX *server)
{
	struct pair p = { SSL_new(client), SSL_new(server) };
	BIO *to_client, *to_server;
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	assert_int_equal(BIO_new_bio_pair(&to_client, 0, &to_server, 0), 1);
	SSL_set_bio(p.client, to_client, to_client);
	SSL_set_bio(p.server, to_server, to_server);
	SSL_set_connect_state(p.client);
	SSL_set_accept_state(p.server);
	return p;
}

static void pair_free(struct pair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
	ERR_clear_error();
}
DEFINE_CLEANUP_IN_PLACE(pair_free, struct pair)

/* Did both ends finish, and does the client read what the server says? */
static bool shake(struct pair *p)
{
	char byte;
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(p->client);
		SSL_do_handshake(p->server);
	}
	bool finished = SSL_is_init_finished(p->client) && SSL_is_init_finished(p->server);
	return finished && SSL_write(p->server, "x", 1) == 1 && SSL_read(p->client, &byte, 1) == 1 && byte == 'x';
}

static struct pair marbles(const marblerun_marble *client, const struct marblerun_tls_options *client_options,
			   const marblerun_marble *server, const struct marblerun_tls_options *server_options)
{
	return pair_of(context(client, true, client_options), context(server, false, server_options));
}

static const char *const apps[] = { "other", "app" }, *const others[] = { "other", "App", "app " };
static const struct marblerun_tls_options expect_app = { .peer_types = apps, .peer_type_count = 2 };
static const struct marblerun_tls_options expect_others = { .peer_types = others, .peer_type_count = 3 };
static const struct marblerun_tls_options anonymous = { .anonymous_clients = true };

static void they_know_each_other(void **state)
{
	(void)state;
	struct marblerun_peer peer;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_app, app, NULL);
	assert_int_equal(marblerun_connection_peer(p.client, &peer, reason), 1);
	assert_says(reason, "not finished");
	assert_true(shake(&p));
	assert_int_equal(marblerun_connection_peer(p.client, &peer, reason), 0);
	assert_string_equal(peer.type, "app");
	assert_string_equal(peer.uuid, MADE_UUID);
	assert_int_equal(marblerun_connection_peer(p.server, &peer, reason), 0);
	assert_string_equal(peer.type, "guest");
	assert_int_equal(SSL_version(p.client), TLS1_3_VERSION);
	assert_false(marblerun_connection_refusal(p.server, reason));
}

static void no_session_is_kept(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_app, app, NULL);
	assert_true(shake(&p));
	assert_int_equal(SSL_SESSION_is_resumable(SSL_get0_session(p.client)), 0);
}

static void assert_client_refuses(struct pair *p, const char *why)
{
	struct marblerun_peer peer;
	assert_false(shake(p));
	assert_true(marblerun_connection_refusal(p->client, reason));
	assert_says(reason, why);
	assert_int_equal(marblerun_connection_peer(p->client, &peer, reason), 1);
}

static void assert_server_refuses(struct pair *p, const char *why)
{
	struct marblerun_peer peer;
	assert_false(shake(p));
	assert_true(marblerun_connection_refusal(p->server, reason));
	assert_says(reason, why);
	assert_int_equal(marblerun_connection_peer(p->server, &peer, reason), 1);
	assert_false(SSL_is_init_finished(p->server));
}

static void servers_of_another_type(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_others, app, NULL);
	assert_client_refuses(&p, "of type \"app\", not of \"other\", \"App\", \"app \"");
	assert_int_equal(SSL_get_verify_result(p.client), X509_V_ERR_APPLICATION_VERIFICATION);
}

static void clients_of_another_type(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_app, app, &expect_app);
	assert_server_refuses(&p, "of type \"guest\", not of \"other\", \"app\"");
}

static void foreign_meshes(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair server = marbles(guest, &expect_app, foreign, NULL);
	assert_client_refuses(&server, "the peer's certificate: ");
	SSL_CTX *blind = context(foreign, true, &expect_app);
	SSL_CTX_set_cert_verify_callback(blind, NULL, NULL);
	SSL_CTX_set_verify(blind, SSL_VERIFY_NONE, NULL);
	CLEANUP(pair_free) struct pair client = pair_of(blind, context(app, false, NULL));
	assert_server_refuses(&client, "the peer's certificate: ");
}

static SSL_CTX *stranger(bool verify_nothing)
{
	SSL_CTX *made = SSL_CTX_new(TLS_method());
	SSL_CTX_set_verify(made, verify_nothing ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	return made;
}

static void clients_without_a_certificate(void **state)
{
	(void)state;
	struct marblerun_peer peer;
	CLEANUP(pair_free) struct pair refused = pair_of(stranger(true), context(app, false, NULL));
	assert_false(shake(&refused));
	assert_false(SSL_is_init_finished(refused.server));
	CLEANUP(pair_free) struct pair let_in = pair_of(stranger(true), context(app, false, &anonymous));
	assert_true(shake(&let_in));
	assert_int_equal(marblerun_connection_peer(let_in.server, &peer, reason), 1);
	assert_says(reason, "showed no certificate");
}

static void anonymous_servers_still_verify(void **state)
{
	(void)state;
	struct marblerun_tls_options options = expect_others;
	options.anonymous_clients = true;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_app, app, &options);
	assert_server_refuses(&p, "of type \"guest\"");
}

static void old_versions(void **state)
{
	(void)state;
	SSL_CTX *old = stranger(true);
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	CLEANUP(pair_free) struct pair p = pair_of(old, context(app, false, &anonymous));
	assert_false(shake(&p));
}

static bool reached(const char *name)
{
	CLEANUP(pair_free) struct pair p = marbles(guest, NULL, app, NULL);
	assert_int_equal(marblerun_connection_expect(p.client, name, reason), 0);
	bool good = shake(&p);
	if (!good)
		assert_true(marblerun_connection_refusal(p.client, reason));
	return good;
}

static void names(void **state)
{
	(void)state;
	assert_true(reached("app.example"));
	assert_true(reached("APP.example"));
	assert_true(reached("192.0.2.9"));
	assert_true(reached("one.wild.example"));
	assert_false(reached("one.two.wild.example"));
	assert_false(reached("other.example"));
	assert_says(reason, "mismatch");
	assert_false(reached("192.0.2.10"));
	assert_says(reason, "mismatch");
	assert_false(reached("guest.example"));
}

/* Without names in its certificate a marble is reached by its type only: the common name counts for nothing. */
static void a_certificate_without_names(void **state)
{
	(void)state;
	marblerun_marble *nameless = made_marble(&ca, "app", "");
	CLEANUP(pair_free) struct pair p = marbles(guest, NULL, nameless, NULL);
	assert_int_equal(marblerun_connection_expect(p.client, MADE_UUID, reason), 0);
	assert_client_refuses(&p, "mismatch");
	CLEANUP(pair_free) struct pair q = marbles(guest, &expect_app, nameless, NULL);
	assert_true(shake(&q));
	marblerun_marble_free(nameless);
}

static void names_that_are_none(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, NULL, app, NULL);
	assert_int_equal(marblerun_connection_expect(p.client, "", reason), 1);
	assert_int_equal(marblerun_connection_expect(p.client, NULL, reason), 1);
	assert_says(reason, "expected");
}

static void the_name_is_sent(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, NULL, app, NULL);
	assert_int_equal(marblerun_connection_expect(p.client, "app.example", reason), 0);
	assert_true(shake(&p));
	assert_string_equal(SSL_get_servername(p.server, TLSEXT_NAMETYPE_host_name), "app.example");
}

static void both_type_and_name(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_others, app, NULL);
	assert_int_equal(marblerun_connection_expect(p.client, "app.example", reason), 0);
	assert_client_refuses(&p, "of type");
	CLEANUP(pair_free) struct pair q = marbles(guest, &expect_app, app, NULL);
	assert_int_equal(marblerun_connection_expect(q.client, "other.example", reason), 0);
	assert_client_refuses(&q, "mismatch");
}

static void a_client_that_expects_nobody(void **state)
{
	(void)state;
	CLEANUP(pair_free) struct pair p = marbles(guest, NULL, app, NULL);
	assert_client_refuses(&p, "neither marble types nor a name");
}

/* The root is its own certificate's issuer and trusted, but no marble. */
static void certificates_of_no_marble(void **state)
{
	(void)state;
	SSL_CTX *authority = stranger(true);
	SSL_CTX_use_certificate(authority, ca.marble_root);
	SSL_CTX_use_PrivateKey(authority, ca.intermediate_key);
	CLEANUP(pair_free) struct pair p = pair_of(authority, context(app, false, NULL));
	assert_server_refuses(&p, "no UUID");
}

/* OpenSSL is content, but nobody of ours has looked. */
static void contexts_that_are_not_ours(void **state)
{
	(void)state;
	struct marblerun_peer peer = { .type = "untouched" };
	SSL_CTX *own = stranger(false);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(own), ca.marble_root);
	CLEANUP(pair_free) struct pair p = pair_of(own, context(app, false, &anonymous));
	assert_true(shake(&p));
	assert_int_equal(SSL_get_verify_result(p.client), X509_V_OK);
	assert_int_equal(marblerun_connection_peer(p.client, &peer, reason), 1);
	assert_says(reason, "nobody has verified");
	assert_string_equal(peer.type, "untouched");
	SSL_CTX *weakened = context(guest, true, &expect_app);
	SSL_CTX_set_cert_verify_callback(weakened, NULL, NULL);
	CLEANUP(pair_free) struct pair q = pair_of(weakened, context(app, false, NULL));
	assert_true(shake(&q));
	assert_int_equal(marblerun_connection_peer(q.client, &peer, reason), 1);
	assert_says(reason, "nobody has verified");
}

static void options_that_make_no_sense(void **state)
{
	(void)state;
	static const char *const empty[] = { "app", "" };
	const struct marblerun_tls_options nothing = { .peer_types = empty, .peer_type_count = 2 };
	const struct marblerun_tls_options missing = { .peer_type_count = 1 };
	SSL_CTX *made = NULL;
	assert_int_equal(marblerun_tls_client(app, &anonymous, &made, reason), 1);
	assert_says(reason, "for servers");
	assert_int_equal(marblerun_tls_server(app, &nothing, &made, reason), 1);
	assert_says(reason, "peer type 2 of 2");
	assert_int_equal(marblerun_tls_server(app, &missing, &made, reason), 1);
	assert_null(made);
}

static void it_needs_neither_marble_nor_list(void **state)
{
	(void)state;
	char type[] = "app";
	const char *list[] = { type };
	const struct marblerun_tls_options options = { .peer_types = list, .peer_type_count = 1 };
	marblerun_marble *short_lived = made_marble(&ca, "guest", "");
	SSL_CTX *client = context(short_lived, true, &options);
	marblerun_marble_free(short_lived);
	type[0] = 'x';
	list[0] = NULL;
	CLEANUP(pair_free) struct pair p = pair_of(client, context(app, false, NULL));
	assert_true(shake(&p));
}

/* A connection that was cleared knows no peer. */
static void used_again(void **state)
{
	(void)state;
	struct marblerun_peer peer;
	CLEANUP(pair_free) struct pair p = marbles(guest, &expect_app, app, NULL);
	assert_true(shake(&p));
	SSL_shutdown(p.client);
	SSL_clear(p.client);
	assert_int_equal(marblerun_connection_peer(p.client, &peer, reason), 1);
}

static void *shake_often(void *contexts)
{
	SSL_CTX **c = contexts;
	struct marblerun_peer peer;
	char why[MARBLERUN_REASON_SIZE];
	uintptr_t good = 0;
	for (int i = 0; i < 20; i++) {
		SSL_CTX_up_ref(c[0]);
		SSL_CTX_up_ref(c[1]);
		CLEANUP(pair_free) struct pair p = pair_of(c[0], c[1]);
		good += shake(&p) && marblerun_connection_peer(p.server, &peer, why) == 0;
	}
	return (void *)good;
}

static void threads(void **state)
{
	(void)state;
	SSL_CTX *contexts[] = { context(guest, true, &expect_app), context(app, false, NULL) };
	pthread_t started[4];
	void *good;
	for (size_t i = 0; i < ARRAY_SIZE(started); i++)
		assert_int_equal(pthread_create(&started[i], NULL, shake_often, contexts), 0);
	for (size_t i = 0; i < ARRAY_SIZE(started); i++) {
		pthread_join(started[i], &good);
		assert_int_equal((uintptr_t)good, 20);
	}
	SSL_CTX_free(contexts[0]);
	SSL_CTX_free(contexts[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_know_each_other), cmocka_unit_test(no_session_is_kept),
		cmocka_unit_test(servers_of_another_type), cmocka_unit_test(clients_of_another_type),
		cmocka_unit_test(foreign_meshes), cmocka_unit_test(clients_without_a_certificate),
		cmocka_unit_test(anonymous_servers_still_verify), cmocka_unit_test(old_versions),
		cmocka_unit_test(names),
		cmocka_unit_test(a_certificate_without_names), cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(the_name_is_sent),
		cmocka_unit_test(both_type_and_name), cmocka_unit_test(a_client_that_expects_nobody),
		cmocka_unit_test(certificates_of_no_marble), cmocka_unit_test(contexts_that_are_not_ours),
		cmocka_unit_test(options_that_make_no_sense), cmocka_unit_test(it_needs_neither_marble_nor_list),
		cmocka_unit_test(used_again), cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, make_meshes, drop_meshes);
}
