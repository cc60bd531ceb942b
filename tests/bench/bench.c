#include "bench.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double processor_seconds(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double percentile(double *values, size_t count, double share)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof *values, compare);
	return values[(size_t)((double)(count - 1) * share + 0.5)];
}

EVP_PKEY *make_p256(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key, "key");
	return key;
}

X509 *make_certificate(EVP_PKEY *key)
{
	X509 *made = X509_new();
	must(made && X509_set_version(made, X509_VERSION_3), "certificate");
	X509_NAME *name = X509_get_subject_name(made);
	ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0);
	X509_set_issuer_name(made, name);
	X509_gmtime_adj(X509_getm_notBefore(made), -300);
	X509_gmtime_adj(X509_getm_notAfter(made), 86400);
	X509_set_pubkey(made, key);
	must(X509_sign(made, key, EVP_sha256()) > 0, "signing a certificate");
	return made;
}

static int let_pass(X509_STORE_CTX *store, void *context)
{
	(void)store, (void)context;
	return 1;
}

SSL_CTX *make_context(bool server)
{
	SSL_CTX *made = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	must(made, "TLS context");
	SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
	SSL_CTX_set1_groups_list(made, "X25519");
	SSL_CTX_set_num_tickets(made, 0);
	SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_cert_verify_callback(made, let_pass, NULL);
	SSL_CTX_set_verify(made, server ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT :
					  SSL_VERIFY_PEER, NULL);
	return made;
}
