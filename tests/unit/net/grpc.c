/* Our gRPC client against our server, over mutual TLS: round trips of every size, errors, answers from
 * other threads, clients that go before their answer, a new identity while connections come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "net/grpc.h"
#include "net/http_client.h"

#define OK(call) assert_ok((call), __LINE__)

static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

struct world {
	struct loops *loops;
	struct workers *workers;
	struct tls_server *tls;
	struct http_server *server;
	pthread_t thread;
	X509 *certificate, *other;
	EVP_PKEY *key, *other_key;
	char address[32];
};

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *c = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), 0);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
				   (const unsigned char *)"the same name", -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(c));
	X509_set_pubkey(c, key);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	return c;
}

static void echo(void *context, struct grpc_call call)
{
	(void)context;
	assert_true(call.exchange->peer_certificate.size > 100);
	grpc_respond(call, call.message);
}

static void refuse(void *context, struct grpc_call call)
{
	(void)context;
	grpc_fail(call, error_new(ERROR_DENIED, "100%% no\n\xc3\xa9"));
}

static void answer_late(void *context)
{
	struct grpc_call call = { context, BYTES_EMPTY };
	usleep(2000);
	grpc_respond(call, bytes_of_string("late"));
}

static void later(void *context, struct grpc_call call)
{
	struct world *w = context;
	OK(workers_submit(w->workers, answer_late, call.exchange));
}

static void handle(void *context, struct http_exchange *x)
{
	static const struct grpc_method methods[] = { { "/t/echo", echo }, { "/t/refuse", refuse },
						      { "/t/later", later } };
	if (bytes_equal_string(x->method, "GET"))
		http_respond(x, &(struct http_response){ .status = 200, .content_type = "text/plain",
							 .body = bytes_of_string("hello") });
	else
		grpc_dispatch(methods, ARRAY_SIZE(methods), context, NULL, x);
}

static void *run(void *context)
{
	struct world *w = context;
	error_free(loops_run(w->loops));
	return NULL;
}

static int set_up(void **state)
{
	static const char *const protocols[] = { "h2", "http/1.1", NULL };
	struct world *w = calloc(1, sizeof *w);
	w->key = EVP_EC_gen("P-256");
	w->other_key = EVP_EC_gen("P-384");
	w->certificate = self_signed(w->key);
	w->other = self_signed(w->other_key);
	OK(loops_new(2, &w->loops));
	OK(workers_new(2, 0, 100, &w->workers));
	OK(tls_server_new(TLS_CLIENT_AUTH_REQUESTED, false, protocols, &w->tls));
	OK(tls_server_set_identity(w->tls, &w->certificate, 1, w->key));
	struct http_server_options options = { .address = "127.0.0.1:0", .tls = w->tls, .handler = handle,
					       .context = w };
	OK(http_server_start(w->loops, &options, &w->server));
	snprintf(w->address, sizeof w->address, "127.0.0.1:%u", http_server_port(w->server));
	assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	*state = w;
	return 0;
}

static void stop_loops(void *context)
{
	loops_stop(context);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	http_server_stop(w->server, 5, stop_loops, w->loops);
	pthread_join(w->thread, NULL);
	workers_free(w->workers);
	http_server_free(w->server);
	tls_server_free(w->tls);
	loops_free(w->loops);
	X509_free(w->certificate);
	X509_free(w->other);
	EVP_PKEY_free(w->key);
	EVP_PKEY_free(w->other_key);
	free(w);
	return 0;
}

static struct grpc_client *connect_client(struct world *w)
{
	struct grpc_client *client = NULL;
	struct grpc_client_options options = { .address = w->address, .certificate = w->other,
					       .key = w->other_key, .timeout_s = 20 };
	OK(grpc_client_connect(&options, &client));
	return client;
}

static void messages_of_every_size_come_back(void **state)
{
	struct world *w = *state;
	static const size_t sizes[] = { 0, 1, 16383, 16384, 70000, 1 << 20, 8 << 20 };
	CLEANUP(grpc_client_free) struct grpc_client *client = connect_client(w);
	assert_int_equal(X509_cmp(grpc_client_peer(client), w->certificate), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(blob_free) struct blob sent = { malloc(sizes[i] + 1), sizes[i] }, got = { 0 };
		enum grpc_status status;
		memset(sent.data, 'x', sizes[i]);
		OK(grpc_client_call(client, "/t/echo", blob_view(&sent), &status, &got));
		assert_true(bytes_equal(blob_view(&sent), blob_view(&got)));
	}
}

static void errors_carry_status_and_message(void **state)
{
	struct world *w = *state;
	CLEANUP(grpc_client_free) struct grpc_client *client = connect_client(w);
	struct blob none;
	enum grpc_status status;
	error *e = grpc_client_call(client, "/t/refuse", BYTES_EMPTY, &status, &none);
	assert_int_equal(status, GRPC_PERMISSION_DENIED);
	assert_int_equal(error_code(e), ERROR_DENIED);
	assert_string_equal(error_message(e), "100% no \xc3\xa9");
	error_free(e);
	e = grpc_client_call(client, "/t/none", BYTES_EMPTY, &status, &none);
	assert_int_equal(status, GRPC_UNIMPLEMENTED);
	error_free(e);
}

static void *call_later(void *context)
{
	struct world *w = context;
	for (int i = 0; i < 5; i++) {
		CLEANUP(grpc_client_free) struct grpc_client *client = connect_client(w);
		CLEANUP(blob_free) struct blob got = { 0 };
		enum grpc_status status;
		OK(grpc_client_call(client, "/t/later", BYTES_EMPTY, &status, &got));
		assert_true(bytes_equal_string(blob_view(&got), "late"));
	}
	return NULL;
}

static void answers_come_from_any_thread(void **state)
{
	struct world *w = *state;
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_later, w), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* The answers find nobody; the server goes on. */
static void clients_may_go_before_their_answer(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 20; i++) {
		struct grpc_client_options options = { .address = w->address, .certificate = w->other,
						       .key = w->other_key, .timeout_s = 20, .response_bytes = 1 };
		struct grpc_client *client = NULL;
		struct blob none;
		enum grpc_status status;
		OK(grpc_client_connect(&options, &client));
		error *e = grpc_client_call(client, "/t/later", BYTES_EMPTY, &status, &none);
		assert_int_equal(error_code(e), ERROR_TOO_LARGE);
		error_free(e);
		grpc_client_free(client);
	}
	call_later(w);
}

static void a_new_identity_serves_new_connections(void **state)
{
	struct world *w = *state;
	CLEANUP(grpc_client_free) struct grpc_client *before = connect_client(w);
	OK(tls_server_set_identity(w->tls, &w->other, 1, w->other_key));
	CLEANUP(grpc_client_free) struct grpc_client *after = connect_client(w);
	CLEANUP(blob_free) struct blob got = { 0 };
	enum grpc_status status;
	assert_int_equal(X509_cmp(grpc_client_peer(after), w->other), 0);
	OK(grpc_client_call(before, "/t/echo", bytes_of_string("still"), &status, &got));
}

static error *get(struct world *w, enum http_trust trust, X509 *pinned)
{
	CLEANUP(http_client_free) struct http_client *client = NULL;
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	char url[64];
	struct http_client_options options = { .trust = trust, .pinned = pinned };
	snprintf(url, sizeof url, "https://%s/", w->address);
	TRY(http_client_new(&options, &client));
	TRY(http_client_send(client, "GET", url, NULL, BYTES_EMPTY, &reply));
	assert_int_equal(reply.status, 200);
	assert_int_equal(X509_cmp(reply.server_certificate, w->certificate), 0);
	return NULL;
}

static void only_the_pinned_certificate_is_trusted(void **state)
{
	struct world *w = *state;
	OK(get(w, HTTP_TRUST_NOBODY, NULL));
	OK(get(w, HTTP_TRUST_PINNED, w->certificate));
	error *e = get(w, HTTP_TRUST_PINNED, w->other); /* of the same name */
	assert_int_equal(error_code(e), ERROR_DENIED);
	error_free(e);
	e = get(w, HTTP_TRUST_SYSTEM, NULL); /* or unavailable, where the system has no CAs */
	assert_non_null(e);
	error_free(e);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(messages_of_every_size_come_back),
		WITH_WORLD(errors_carry_status_and_message),
		WITH_WORLD(answers_come_from_any_thread),
		WITH_WORLD(clients_may_go_before_their_answer),
		WITH_WORLD(a_new_identity_serves_new_connections),
		WITH_WORLD(only_the_pinned_certificate_is_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
