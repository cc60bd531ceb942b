#include "attest/verifier.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "attest/digest.h"

enum { CACHE_SIZE = 32 };

struct shared_platform {
	atomic_uint holders;
	uint8_t key[32]; /* digest of all that it was verified from */
	struct platform platform;
	pthread_mutex_t lock; /* of what follows */
	uint8_t attestation_point[64];
	EVP_PKEY *attestation_key;
};

struct shared_chain {
	atomic_uint holders;
	uint8_t key[32];
	struct snp_chain chain;
};

struct marblerun_verifier {
	struct trusted_roots roots;
	pthread_mutex_t lock; /* of the caches */
	struct shared_platform *cache[CACHE_SIZE];
	struct shared_chain *chains[CACHE_SIZE];
	size_t next, next_chain;
};

marblerun_verifier *marblerun_verifier_new(void)
{
	marblerun_verifier *verifier = calloc(1, sizeof *verifier);
	if (!verifier)
		return NULL;
	verifier->roots = intel_roots();
	pthread_mutex_init(&verifier->lock, NULL);
	return verifier;
}

void marblerun_verifier_free(marblerun_verifier *verifier)
{
	if (!verifier)
		return;
	for (size_t i = 0; i < CACHE_SIZE; i++)
		platform_release(verifier->cache[i]), chain_release(verifier->chains[i]);
	pthread_mutex_destroy(&verifier->lock);
	free(verifier);
}

static X509 *read_root(struct marblerun_bytes from)
{
	BIO *text = from.size && from.size < 1 << 16 ? BIO_new_mem_buf(from.data, (int)from.size) : NULL;
	X509 *root = NULL;
	if (text && from.data[0] == 0x30)
		root = d2i_X509_bio(text, NULL);
	else if (text)
		root = PEM_read_bio_X509(text, NULL, NULL, NULL);
	BIO_free(text);
	ERR_clear_error();
	return root;
}

int marblerun_verifier_trust_simulated(marblerun_verifier *verifier, struct marblerun_bytes root,
				       char reason[MARBLERUN_REASON_SIZE])
{
	struct trusted_roots *roots = &verifier->roots;
	struct trusted_root added = { .simulated = true };
	X509 *certificate = read_root(root);
	error *e = certificate ? certificate_key_digest(certificate, added.key_digest) :
				 error_new(ERROR_INVALID, "the simulated root is no X.509 certificate");
	X509_free(certificate);
	if (!e && roots->count == sizeof roots->roots / sizeof roots->roots[0])
		e = error_new(ERROR_INVALID, "too many simulated roots");
	/* Who names a genuine root here is mistaken, and its evidence would count as simulated. */
	if (!e && memcmp(roots->roots[0].key_digest, added.key_digest, 32) == 0)
		e = error_new(ERROR_INVALID, "this is Intel's root, not that of a simulated platform");
	if (!e) {
		roots->roots[roots->count++] = added;
		return 0;
	}
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}

const struct platform *platform_of(const struct shared_platform *shared)
{
	return &shared->platform;
}

EVP_PKEY *platform_attestation_key(struct shared_platform *shared, bytes point)
{
	EVP_PKEY *key = NULL;
	if (point.size != 64)
		return NULL;
	pthread_mutex_lock(&shared->lock);
	if (!shared->attestation_key || memcmp(shared->attestation_point, point.data, 64) != 0) {
		EVP_PKEY_free(shared->attestation_key);
		shared->attestation_key = p256_public_key(point);
		memcpy(shared->attestation_point, point.data, 64);
	}
	if (shared->attestation_key && EVP_PKEY_up_ref(shared->attestation_key))
		key = shared->attestation_key;
	pthread_mutex_unlock(&shared->lock);
	return key;
}

void platform_release(struct shared_platform *shared)
{
	if (!shared || atomic_fetch_sub_explicit(&shared->holders, 1, memory_order_acq_rel) != 1)
		return;
	platform_free(&shared->platform);
	EVP_PKEY_free(shared->attestation_key);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static bytes view_of(struct marblerun_bytes b)
{
	return bytes_of(b.data, b.size);
}

static error *digest_of(bytes pck_chain, const struct marblerun_collateral *c, const char *tee,
			uint8_t ret[32])
{
	const bytes parts[] = {
		bytes_of_string(tee), pck_chain,
		view_of(c->tcb_info), view_of(c->tcb_info_issuer_chain),
		view_of(c->qe_identity), view_of(c->qe_identity_issuer_chain),
		view_of(c->pck_crl), view_of(c->root_ca_crl),
	};
	return digest_separated(parts, ARRAY_SIZE(parts), ret);
}

static struct shared_platform *find_cached(marblerun_verifier *v, const uint8_t key[32], int64_t at)
{
	struct shared_platform *found = NULL;
	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < CACHE_SIZE && !found; i++) {
		struct shared_platform *s = v->cache[i];
		if (s && memcmp(s->key, key, 32) == 0 && at >= s->platform.window.from &&
		    at <= s->platform.window.until)
			found = s;
	}
	if (found)
		atomic_fetch_add(&found->holders, 1);
	pthread_mutex_unlock(&v->lock);
	return found;
}

static void keep(marblerun_verifier *v, struct shared_platform *shared)
{
	atomic_fetch_add(&shared->holders, 1);
	pthread_mutex_lock(&v->lock);
	struct shared_platform *old = v->cache[v->next];
	v->cache[v->next] = shared;
	v->next = (v->next + 1) % CACHE_SIZE;
	pthread_mutex_unlock(&v->lock);
	platform_release(old);
}

error *verifier_platform(marblerun_verifier *verifier, bytes pck_chain,
			 const struct marblerun_collateral *from, const char *tee, int64_t at,
			 struct shared_platform **ret, enum marblerun_step *step)
{
	uint8_t key[32];
	TRY(digest_of(pck_chain, from, tee, key));
	struct shared_platform *shared = find_cached(verifier, key, at);
	if (shared) {
		*ret = shared;
		return NULL;
	}
	struct platform platform;
	TRY(platform_verify(pck_chain, from, tee, &verifier->roots, at, &platform, step));
	shared = calloc(1, sizeof *shared);
	if (!shared) {
		platform_free(&platform);
		return error_no_memory();
	}
	atomic_init(&shared->holders, 1);
	pthread_mutex_init(&shared->lock, NULL);
	memcpy(shared->key, key, sizeof key);
	shared->platform = platform;
	keep(verifier, shared);
	*ret = shared;
	return NULL;
}

/* ---- SEV-SNP ---- */

const struct snp_chain *chain_of(const struct shared_chain *shared)
{
	return &shared->chain;
}

void chain_release(struct shared_chain *shared)
{
	if (!shared || atomic_fetch_sub_explicit(&shared->holders, 1, memory_order_acq_rel) != 1)
		return;
	snp_chain_free(&shared->chain);
	free(shared);
}

static error *digest_of_chain(const struct marblerun_collateral *c, uint8_t ret[32])
{
	const bytes parts[] = { view_of(c->vcek), view_of(c->ask), view_of(c->ark), view_of(c->crl) };
	return digest_separated(parts, ARRAY_SIZE(parts), ret);
}

static struct shared_chain *find_chain(marblerun_verifier *v, const uint8_t key[32], int64_t at)
{
	struct shared_chain *found = NULL;
	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < CACHE_SIZE && !found; i++) {
		struct shared_chain *s = v->chains[i];
		if (s && memcmp(s->key, key, 32) == 0 && at >= s->chain.valid_from && at <= s->chain.valid_until)
			found = s;
	}
	if (found)
		atomic_fetch_add(&found->holders, 1);
	pthread_mutex_unlock(&v->lock);
	return found;
}

static void keep_chain(marblerun_verifier *v, struct shared_chain *shared)
{
	atomic_fetch_add(&shared->holders, 1);
	pthread_mutex_lock(&v->lock);
	struct shared_chain *old = v->chains[v->next_chain];
	v->chains[v->next_chain] = shared;
	v->next_chain = (v->next_chain + 1) % CACHE_SIZE;
	pthread_mutex_unlock(&v->lock);
	chain_release(old);
}

error *verifier_chain(marblerun_verifier *verifier, const struct marblerun_collateral *from, int64_t at,
		      struct shared_chain **ret, enum marblerun_step *step)
{
	uint8_t key[32];
	struct snp_chain chain = { 0 };
	TRY(digest_of_chain(from, key));
	struct shared_chain *shared = find_chain(verifier, key, at);
	if (shared) {
		*ret = shared;
		return NULL;
	}
	TRY(snp_chain_verify(from, at, &chain, step));
	shared = calloc(1, sizeof *shared);
	if (!shared) {
		snp_chain_free(&chain);
		return error_no_memory();
	}
	atomic_init(&shared->holders, 1);
	memcpy(shared->key, key, sizeof key);
	shared->chain = chain;
	keep_chain(verifier, shared);
	*ret = shared;
	return NULL;
}

static const struct evidence_format *const formats[] = { &snp_format, &tdx_format, &sgx_format };

int marblerun_verify(marblerun_verifier *verifier, struct marblerun_bytes evidence,
		     const struct marblerun_collateral *collateral, int64_t at,
		     struct marblerun_verdict *ret)
{
	static const struct marblerun_collateral none;
	bytes raw = bytes_of(evidence.data, evidence.size);
	error *e = NULL;
	size_t i = 0;
	memset(ret, 0, sizeof *ret);
	ret->step = MARBLERUN_STEP_FORMAT;
	while (i < sizeof formats / sizeof formats[0] && !formats[i]->recognises(raw))
		i++;
	if (i == sizeof formats / sizeof formats[0])
		e = error_new(ERROR_INVALID, "%zu bytes that are neither an SGX or TDX quote nor a SEV-SNP report",
			      raw.size);
	else
		e = formats[i]->verify(verifier, raw, collateral ? collateral : &none, at, ret);
	ret->genuine = !e;
	if (e)
		snprintf(ret->reason, sizeof ret->reason, "%s", error_message(e));
	else
		ret->step = MARBLERUN_STEP_NONE;
	error_free(e);
	return ret->genuine ? 0 : 1;
}
