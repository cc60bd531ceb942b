#include "attest/sgx/chain.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { CHAIN_MAX = 8, CHAIN_SIZE_MAX = 64 << 10 };

struct trusted_roots intel_roots(void)
{
	return (struct trusted_roots){ .roots = { { .key_digest = {
		0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91, 0x86,
		0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35, 0x77, 0x74,
		0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e
	} } }, .count = 1 };
}

error *certificate_key_digest(const X509 *certificate, uint8_t ret[32])
{
	unsigned char *der = NULL;
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	int size = key ? i2d_PUBKEY(key, &der) : 0;
	ERR_clear_error();
	if (size <= 0)
		return error_new(ERROR_INVALID, "a certificate's public key can't be read");
	SHA256(der, (size_t)size, ret);
	OPENSSL_free(der);
	return NULL;
}

void intel_chain_free(struct intel_chain *chain)
{
	X509_free(chain->leaf);
	X509_free(chain->intermediate);
	X509_free(chain->root);
	*chain = (struct intel_chain){ 0 };
}

struct pile {
	X509 *items[CHAIN_MAX];
	size_t count;
};

static void pile_free(struct pile *pile)
{
	for (size_t i = 0; i < pile->count; i++)
		X509_free(pile->items[i]);
}
DEFINE_CLEANUP_IN_PLACE(pile_free, struct pile)

static error *read_pile(bytes pem, const char *what, struct pile *pile)
{
	BIO *text = pem.size && pem.size <= CHAIN_SIZE_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	X509 *certificate;
	while (text && pile->count < CHAIN_MAX &&
	       (certificate = PEM_read_bio_X509(text, NULL, NULL, NULL)))
		pile->items[pile->count++] = certificate;
	BIO_free(text);
	ERR_clear_error();
	if (!pile->count)
		return error_new(ERROR_INVALID, "the %s is missing or no PEM", what);
	return NULL;
}

static bool is_self_issued(const X509 *certificate)
{
	return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

static X509 *take_leaf(struct pile *pile)
{
	for (size_t i = 0; i < pile->count; i++)
		if (X509_check_ca(pile->items[i]) == 0)
			return TAKE(pile->items[i]);
	return NULL;
}

/* Takes who issued `certificate` by name: a root, issued by itself, or not. */
static X509 *take_issuer(struct pile *pile, const X509 *certificate, bool root)
{
	for (size_t i = 0; i < pile->count; i++) {
		X509 *c = pile->items[i];
		if (c && is_self_issued(c) == root &&
		    X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(certificate)) == 0)
			return TAKE(pile->items[i]);
	}
	return NULL;
}

/* Chains come in any order, with certificates of others in between: the leaf is who is no CA, and so on up. */
static error *sort_pile(struct pile *pile, bool with_intermediate, const char *what, struct intel_chain *chain)
{
	const X509 *below = chain->leaf = take_leaf(pile);
	if (!chain->leaf)
		return error_new(ERROR_INVALID, "the %s has no leaf certificate", what);
	if (with_intermediate) {
		below = chain->intermediate = take_issuer(pile, chain->leaf, false);
		if (!chain->intermediate)
			return error_new(ERROR_INVALID, "the %s has no intermediate certificate of its leaf's issuer",
					 what);
	}
	chain->root = take_issuer(pile, below, true);
	if (!chain->root)
		return error_new(ERROR_INVALID, "the %s has no root certificate of its issuer", what);
	return NULL;
}

static error *check_root(const struct intel_chain *chain, const struct trusted_roots *roots, bool *simulated)
{
	uint8_t digest[32];
	TRY(certificate_key_digest(chain->root, digest));
	for (size_t i = 0; i < roots->count; i++) {
		if (memcmp(digest, roots->roots[i].key_digest, sizeof digest) == 0) {
			*simulated = roots->roots[i].simulated;
			return NULL;
		}
	}
	return error_new(ERROR_DENIED, "the chain ends in a root certificate that is not trusted");
}

static error *check_certificate(X509 *certificate, X509 *issuer, bool ca, int64_t at,
				struct window *window, const char *what, const char *which)
{
	char name[128];
	int64_t from, until;
	snprintf(name, sizeof name, "%s certificate of the %s", which, what);
	bool signed_well = X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
	ERR_clear_error();
	if (!signed_well)
		return error_new(ERROR_DENIED, "the %s is not signed by its issuer", name);
	if ((X509_check_ca(certificate) == 1) != ca)
		return error_new(ERROR_DENIED, "the %s %s a CA", name, ca ? "is not" : "is");
	if (X509_get_extension_flags(certificate) & (EXFLAG_CRITICAL | EXFLAG_INVALID))
		return error_new(ERROR_DENIED, "the %s has a critical extension that is not known, or a bad one",
				 name);
	TRY(time_of_asn1(X509_get0_notBefore(certificate), name, &from));
	TRY(time_of_asn1(X509_get0_notAfter(certificate), name, &until));
	return window_narrow(window, from, until, at, name);
}

static error *check_chain(struct intel_chain *chain, int64_t at, struct window *window, const char *what)
{
	X509 *above = chain->intermediate ? chain->intermediate : chain->root;
	TRY(check_certificate(chain->root, chain->root, true, at, window, what, "root"));
	if (chain->intermediate)
		TRY(check_certificate(chain->intermediate, chain->root, true, at, window, what,
				      "intermediate"));
	return check_certificate(chain->leaf, above, false, at, window, what, "leaf");
}

error *intel_chain_verify(bytes pem, bool with_intermediate, const struct trusted_roots *roots, int64_t at,
			  struct window *window, const char *what, struct intel_chain *ret,
			  enum marblerun_step *step)
{
	CLEANUP(pile_free) struct pile pile = { 0 };
	CLEANUP(intel_chain_free) struct intel_chain chain = { 0 };
	*step = MARBLERUN_STEP_ENDORSEMENTS;
	TRY(read_pile(pem, what, &pile));
	*step = MARBLERUN_STEP_CERTIFICATES;
	TRY(sort_pile(&pile, with_intermediate, what, &chain));
	*step = MARBLERUN_STEP_ROOT;
	TRY(check_root(&chain, roots, &chain.simulated));
	*step = MARBLERUN_STEP_CERTIFICATES;
	TRY(check_chain(&chain, at, window, what));
	*ret = chain;
	chain = (struct intel_chain){ 0 };
	return NULL;
}

EVP_PKEY *p256_public_key(bytes point)
{
	uint8_t uncompressed[65] = { 4 };
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[] = "P-256";
	if (point.size != 64 || !context) {
		EVP_PKEY_CTX_free(context);
		return NULL;
	}
	memcpy(uncompressed + 1, point.data, 64);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, uncompressed, sizeof uncompressed),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_PKEY_fromdata_init(context) <= 0 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return key;
}

/* OpenSSL wants the signature as a DER SEQUENCE of two INTEGERs. */
static int signature_der(bytes raw, unsigned char **der)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.data, 32, NULL), *s = BN_bin2bn(raw.data + 32, 32, NULL);
	int size = -1;
	if (signature && r && s && ECDSA_SIG_set0(signature, r, s)) {
		size = i2d_ECDSA_SIG(signature, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(signature);
	return size;
}

bool ecdsa_verify(EVP_PKEY *key, bytes message, bytes signature)
{
	unsigned char *der = NULL;
	if (!key || signature.size != 64 || !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 256)
		return false;
	int size = signature_der(signature, &der);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && size > 0 &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(context, der, (size_t)size, message.data, message.size) == 1;
	EVP_MD_CTX_free(context);
	OPENSSL_free(der);
	ERR_clear_error();
	return good;
}
