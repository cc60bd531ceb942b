#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

#include "base/reader.h"
#include "marble/reason.h"
#include "marblerun/coordinator.h"
#include "net/tls_chain.h"

struct coordinator_chain {
	X509 *certificates[2]; /* intermediate, root */
	struct blob root_der;
};

static void chain_free(struct coordinator_chain *chain)
{
	X509_free(chain->certificates[0]);
	X509_free(chain->certificates[1]);
	blob_free(&chain->root_der);
}
DEFINE_CLEANUP_IN_PLACE(chain_free, struct coordinator_chain)

static bytes view(struct marblerun_bytes b)
{
	return bytes_of(b.data, b.size);
}

/* RFC 5280, section 6, with the root as the only trust anchor. The evidence says whose root it is. */
static error *check_issued(X509 *intermediate, X509 *root, int64_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	error *e = NULL;
	if (!store || !context || !X509_STORE_add_cert(store, root) ||
	    !X509_STORE_CTX_init(context, store, intermediate, NULL)) {
		e = error_no_memory();
	} else {
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), (time_t)at);
		if (X509_verify_cert(context) != 1)
			e = error_new(ERROR_DENIED, "the coordinator's root does not vouch for its "
				      "intermediate certificate: %s",
				      X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return e;
}

static error *read_chain(const struct marblerun_statement *s, int64_t at, struct coordinator_chain *ret)
{
	TRY(tls_chain_of_pem(view(s->certificate_chain), "the coordinator's certificate chain", 2,
			     ret->certificates));
	TRY(tls_certificate_der(ret->certificates[1], &ret->root_der));
	/* A chain of the root and itself would pass for one. */
	if (X509_cmp(ret->certificates[0], ret->certificates[1]) == 0)
		return error_new(ERROR_DENIED, "the coordinator's certificate chain is its root twice");
	return check_issued(ret->certificates[0], ret->certificates[1], at);
}

static bool has_key_of(const struct marblerun_bytes *der, X509 *certificate)
{
	const unsigned char *at = der->data;
	CLEANUP(X509_free) X509 *peer = der->size ? d2i_X509(NULL, &at, (long)der->size) : NULL;
	EVP_PKEY *key = peer ? X509_get0_pubkey(peer) : NULL;
	EVP_PKEY *wanted = X509_get0_pubkey(certificate);
	bool same = key && wanted && EVP_PKEY_eq(key, wanted) == 1;
	ERR_clear_error();
	return same;
}

/* What was verified must be what is used: else somebody in between shows the evidence of another. */
static error *check_channel(const struct marblerun_statement *s, const struct coordinator_chain *chain)
{
	switch (s->channel) {
	case MARBLERUN_CHANNEL_CLIENT_API:
		if (bytes_equal(view(s->peer_certificate), blob_view(&chain->root_der)))
			return NULL;
		return error_new(ERROR_DENIED, "the connection is not served with the root certificate "
				 "that the coordinator shows: somebody is in between");
	case MARBLERUN_CHANNEL_MARBLE_API:
		if (has_key_of(&s->peer_certificate, chain->certificates[0]))
			return NULL;
		return error_new(ERROR_DENIED, "the connection is not served with the intermediate key "
				 "that the coordinator shows: somebody is in between");
	}
	return error_new(ERROR_INVALID, "unknown channel %d", (int)s->channel);
}

static error *check_evidence(marblerun_verifier *verifier, const struct marblerun_statement *s, int64_t at,
			     struct marblerun_verdict *ret)
{
	static const struct marblerun_collateral none;
	if (!s->evidence.size)
		return error_new(ERROR_DENIED, "the coordinator shows no evidence: it runs without a TEE "
				 "(OE_SIMULATION=1)");
	if (marblerun_verify(verifier, s->evidence, s->collateral ? s->collateral : &none, at, ret) != 0)
		return error_new(ERROR_DENIED, "the coordinator's evidence: %s: %s",
				 marblerun_step_name(ret->step), ret->reason);
	return NULL;
}

/* Report data bytes 0 to 31: SHA-256(root certificate DER, nonce). The rest is the coordinator's. */
static error *check_report_data(const struct marblerun_statement *s, const struct coordinator_chain *chain,
				const struct marblerun_claims *claims)
{
	uint8_t expected[32];
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(digest, chain->root_der.data, chain->root_der.size) &&
		    (!s->nonce.size || EVP_DigestUpdate(digest, s->nonce.data, s->nonce.size)) &&
		    EVP_DigestFinal_ex(digest, expected, NULL);
	EVP_MD_CTX_free(digest);
	if (!done)
		return error_no_memory();
	if (CRYPTO_memcmp(expected, claims->report_data, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the coordinator's evidence is genuine, but not for this "
				 "root certificate%s", s->nonce.size ? " and nonce" : "");
	return NULL;
}

/* Report data bytes 32 to 63 bind where state and log stand. */
static error *check_state(const struct marblerun_statement *s, const struct marblerun_claims *claims)
{
	static const char label[] = MARBLERUN_STATE_LABEL;
	uint8_t expected[32];
	if (!s->state.size)
		return NULL;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(digest, label, sizeof label) &&
		    EVP_DigestUpdate(digest, s->state.data, s->state.size) &&
		    EVP_DigestFinal_ex(digest, expected, NULL);
	EVP_MD_CTX_free(digest);
	if (!done)
		return error_no_memory();
	if (s->state.size != MARBLERUN_STATE_SIZE ||
	    CRYPTO_memcmp(expected, claims->report_data + 32, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the coordinator's evidence is not for the state that came with it");
	return NULL;
}

int marblerun_state_parse(struct marblerun_bytes state, struct marblerun_state *ret)
{
	struct reader r = reader_of(view(state));
	struct marblerun_state s;
	s.epoch = read_be64(&r);
	read_into(&r, s.incarnation, sizeof s.incarnation);
	read_into(&r, s.digest, sizeof s.digest);
	s.log_entries = read_be64(&r);
	read_into(&r, s.log_digest, sizeof s.log_digest);
	if (r.failed || r.rest.size)
		return 1;
	*ret = s;
	return 0;
}

static error *check_policy(const marblerun_policy *policy, const struct marblerun_verdict *verdict)
{
	char reason[MARBLERUN_REASON_SIZE];
	if (!policy)
		return error_new(ERROR_INVALID, "no policy for the coordinator is given");
	if (marblerun_policy_check(policy, verdict, reason) != 0)
		return error_new(ERROR_DENIED, "the coordinator does not satisfy the policy: %s", reason);
	return NULL;
}

static error *verify_coordinator(marblerun_verifier *verifier, const struct marblerun_statement *s,
				 const marblerun_policy *policy, int64_t at,
				 struct marblerun_verdict *ret)
{
	CLEANUP(chain_free) struct coordinator_chain chain = { 0 };
	TRY(read_chain(s, at, &chain));
	TRY(check_channel(s, &chain));
	TRY(check_evidence(verifier, s, at, ret));
	TRY(check_report_data(s, &chain, &ret->claims));
	TRY(check_state(s, &ret->claims));
	return check_policy(policy, ret);
}

int marblerun_verify_coordinator(marblerun_verifier *verifier, const struct marblerun_statement *statement,
				 const marblerun_policy *policy, int64_t at, struct marblerun_verdict *ret,
				 char reason[MARBLERUN_REASON_SIZE])
{
	struct marblerun_verdict verdict = { 0 };
	error *e = verify_coordinator(verifier, statement, policy, at, &verdict);
	if (ret)
		*ret = verdict;
	return reason_of_error(e, reason);
}
