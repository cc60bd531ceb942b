/* Verifications of real evidence with a warm cache, against the signatures that no cache can spare: on one core, in
 * turns, so that both see the same machine. Prints a line for each kind: name, verifications a second, bound a
 * second, most bytes of heap that one verification held, and that the first
 * one held, which also reads the endorsements. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "counted_malloc.h"
#include "marblerun/verify.h"

enum { ROUNDS = 20, ROUND_US = 50000 };

struct subject {
	const char *name, *folder, *file;
	int64_t at;
	const char *curve; /* of the signatures that are always verified, */
	int signatures;    /* and how many */
	struct blob evidence;
	marblerun_collateral_set *collateral;
	EVP_PKEY *key;
	uint8_t signature[160], message[64];
	size_t signature_size;
};

static struct subject subjects[] = {
	{ "sgx", "sgx/phala-00a067110000-cfg-and-sw-hardening", "quote.bin", 1750809600, "P-256", 2 },
	{ "tdx", "tdx/phala-v4-b0c06f000000-uptodate", "quote.bin", 1750809600, "P-256", 2 },
	{ "snp", "snp/virtee-milan-v2", "report.bin", 1704067200, "P-384", 1 },
};

static void fail(const char *what)
{
	fprintf(stderr, "verify: %s\n", what);
	exit(1);
}

static const EVP_MD *digest_of(const struct subject *s)
{
	return strcmp(s->curve, "P-256") == 0 ? EVP_sha256() : EVP_sha384();
}

static void prepare(struct subject *s, const char *vectors)
{
	char path[512], reason[MARBLERUN_REASON_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	snprintf(path, sizeof path, "%s/%s/%s", vectors, s->folder, s->file);
	if (file_read(path, 1 << 20, &s->evidence))
		fail(path);
	snprintf(path, sizeof path, "%s/%s", vectors, s->folder);
	if (marblerun_collateral_read(path, &s->collateral, reason) != 0)
		fail(reason);
	s->key = EVP_EC_gen(s->curve);
	s->signature_size = sizeof s->signature;
	if (!s->key || EVP_DigestSignInit(context, NULL, digest_of(s), NULL, s->key) != 1 ||
	    EVP_DigestSign(context, s->signature, &s->signature_size, s->message, sizeof s->message) != 1)
		fail("making a signature");
	EVP_MD_CTX_free(context);
}

static void verify_evidence(struct subject *s, marblerun_verifier *verifier)
{
	struct marblerun_verdict verdict;
	struct marblerun_bytes evidence = { s->evidence.data, s->evidence.size };
	if (marblerun_verify(verifier, evidence, marblerun_collateral_of(s->collateral), s->at, &verdict) != 0)
		fail(verdict.reason);
}

static void verify_signatures(struct subject *s, marblerun_verifier *unused)
{
	(void)unused;
	for (int i = 0; i < s->signatures; i++) {
		EVP_MD_CTX *context = EVP_MD_CTX_new();
		if (EVP_DigestVerifyInit(context, NULL, digest_of(s), NULL, s->key) != 1 ||
		    EVP_DigestVerify(context, s->signature, s->signature_size, s->message, sizeof s->message) != 1)
			fail("verifying a signature");
		EVP_MD_CTX_free(context);
	}
}

struct rate {
	double done, us;
};

static void measure(struct subject *s, marblerun_verifier *verifier,
		    void (*work)(struct subject *s, marblerun_verifier *verifier), struct rate *to)
{
	int64_t from = clock_monotonic_us(), now;
	do {
		work(s, verifier);
		to->done++;
		now = clock_monotonic_us();
	} while (now - from < ROUND_US);
	to->us += (double)(now - from);
}

static long heap_of_one(struct subject *s, marblerun_verifier *verifier)
{
	heap_watch();
	verify_evidence(s, verifier);
	return heap_most();
}

int main(int argument_count, char **arguments)
{
	if (argument_count != 2)
		fail("usage: verify VECTORS");
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		struct subject *s = &subjects[i];
		struct rate ours = { 0 }, bound = { 0 };
		marblerun_verifier *verifier = marblerun_verifier_new();
		prepare(s, arguments[1]);
		long cold = heap_of_one(s, verifier);
		for (int round = 0; round < ROUNDS; round++) {
			measure(s, verifier, verify_evidence, &ours);
			measure(s, verifier, verify_signatures, &bound);
		}
		printf("%s %.0f %.0f %ld %ld\n", s->name, ours.done * 1e6 / ours.us, bound.done * 1e6 / bound.us,
		       heap_of_one(s, verifier), cold);
		marblerun_verifier_free(verifier);
	}
	return 0;
}
