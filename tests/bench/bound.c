/* bound SECONDS THREADS: what an activation can't do without, and nothing else, per second: a mutual
 * TLS 1.3 handshake between two endpoints in this process, then one key generation, three
 * signatures and four verifications of P-256. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { SIGNATURES = 3, VERIFICATIONS = 4 };

struct bound {
	SSL_CTX *server, *client;
	EVP_PKEY *key;
	double until;
};

static SSL_CTX *identified(bool server)
{
	SSL_CTX *made = make_context(server);
	EVP_PKEY *key = make_p256();
	X509 *certificate = make_certificate(key);
	must(SSL_CTX_use_certificate(made, certificate) == 1 && SSL_CTX_use_PrivateKey(made, key) == 1,
	     "identity");
	X509_free(certificate);
	EVP_PKEY_free(key);
	return made;
}

static bool go_on(SSL *end)
{
	int result = SSL_do_handshake(end), why = SSL_get_error(end, result);
	must(result == 1 || why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE, "handshake");
	return result != 1;
}

/* Each end goes as far as it can in turn, until both are through. */
static void shake_hands(const struct bound *b)
{
	SSL *server = SSL_new(b->server), *client = SSL_new(b->client);
	BIO *near, *far;
	must(server && client && BIO_new_bio_pair(&near, 0, &far, 0) == 1, "endpoints");
	SSL_set_bio(server, near, near);
	SSL_set_bio(client, far, far);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	while (go_on(client) | go_on(server))
		;
	SSL_free(server);
	SSL_free(client);
}

static size_t sign(EVP_PKEY *key, unsigned char signature[128])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	size_t size = 128;
	must(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestSign(digest, signature, &size, (const unsigned char *)"bench", 5) == 1, "signing");
	EVP_MD_CTX_free(digest);
	return size;
}

static void verify(EVP_PKEY *key, const unsigned char *signature, size_t size)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	must(EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestVerify(digest, signature, size, (const unsigned char *)"bench", 5) == 1,
	     "verifying");
	EVP_MD_CTX_free(digest);
}

static void run_once(const struct bound *b)
{
	unsigned char signature[128];
	size_t size = 0;
	shake_hands(b);
	EVP_PKEY_free(make_p256());
	for (int i = 0; i < SIGNATURES; i++)
		size = sign(b->key, signature);
	for (int i = 0; i < VERIFICATIONS; i++)
		verify(b->key, signature, size);
}

static void *run(void *context)
{
	const struct bound *b = context;
	size_t done = 0;
	for (; seconds_now() < b->until; done++)
		run_once(b);
	return (void *)done; /* NOLINT: a number */
}

int main(int argc, char **argv)
{
	must(argc == 3, "usage: bound SECONDS THREADS");
	double duration = atof(argv[1]);
	size_t threads = (size_t)atoi(argv[2]), done = 0;
	pthread_t *running = calloc(threads, sizeof *running);
	struct bound b = { identified(true), identified(false), make_p256(), 0 };
	must(running && duration > 0, "usage: bound SECONDS THREADS");
	run_once(&b); /* what is loaded at first use is not measured */
	double begin = seconds_now(), used = processor_seconds();
	b.until = begin + duration;
	for (size_t i = 0; i < threads; i++)
		must(pthread_create(&running[i], NULL, run, &b) == 0, "thread");
	for (size_t i = 0; i < threads; i++) {
		void *result;
		pthread_join(running[i], &result);
		done += (size_t)result;
	}
	printf("{\"per_second\": %.1f, \"processor_ms\": %.4f}\n", (double)done / (seconds_now() - begin),
	       (processor_seconds() - used) * 1e3 / (double)done);
	return 0;
}
