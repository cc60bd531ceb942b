/* Certificates behind SEV-SNP reports that no report of ours needs: Turin's, and those of VLEKs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "attest/snp/endorsement.h"
#include "base/file.h"

static struct blob read_vector(const char *name)
{
	CLEANUP_FREE char *path = NULL;
	struct blob content = { 0 };
	assert_true(asprintf(&path, "%s/snp/%s", VECTORS, name) > 0);
	assert_null(file_read(path, 1 << 20, &content));
	return content;
}

static struct marblerun_bytes view(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

struct files {
	struct blob leaf, ask, ark, crl;
	struct marblerun_collateral collateral;
};

static struct files turin(void)
{
	struct files f = { .leaf = read_vector("virtee-turin-vcek-only/vcek.der"),
			   .ask = read_vector("virtee-turin-vcek-only/ask.pem"),
			   .ark = read_vector("virtee-turin-vcek-only/ark.pem") };
	f.collateral = (struct marblerun_collateral){ .vcek = view(&f.leaf), .ask = view(&f.ask),
						      .ark = view(&f.ark) };
	return f;
}

static void drop(struct files *f)
{
	blob_free(&f->leaf);
	blob_free(&f->ask);
	blob_free(&f->ark);
	blob_free(&f->crl);
}

enum { IN_2025 = 1735689600, IN_2026 = 1788220800 };

static void turin_is_read_its_own_way(void **state)
{
	(void)state;
	struct files f = turin();
	CLEANUP(snp_chain_free) struct snp_chain chain = { 0 };
	enum marblerun_step step;
	error *e = snp_chain_verify(&f.collateral, IN_2025, &chain, &step);
	if (e)
		fail_msg("%s: %s", marblerun_step_name(step), error_message(e));
	assert_string_equal(chain.product->name, "Turin");
	assert_false(chain.leaf.vlek);
	assert_int_equal(chain.leaf.hwid_size, 8);
	assert_true(chain.product->turin_layout);
	drop(&f);
}

static enum marblerun_step refused(const struct marblerun_collateral *collateral, int64_t at)
{
	CLEANUP(snp_chain_free) struct snp_chain chain = { 0 };
	enum marblerun_step step = MARBLERUN_STEP_NONE;
	CLEANUP(error_free) error *e = snp_chain_verify(collateral, at, &chain, &step);
	assert_non_null(e);
	return step;
}

static void turin_with_others_certificates(void **state)
{
	(void)state;
	struct files f = turin();
	CLEANUP(blob_free) struct blob milan_ask = read_vector("virtee-milan-v2/ask.pem");
	CLEANUP(blob_free) struct blob milan_ark = read_vector("virtee-milan-v2/ark.pem");
	CLEANUP(blob_free) struct blob vlek = read_vector("kds-2026-08/ask_ark_turin_vlek.pem");
	struct marblerun_collateral genuine = f.collateral;
	f.collateral.ask = view(&milan_ask);
	assert_int_equal(refused(&f.collateral, IN_2025), MARBLERUN_STEP_CERTIFICATES);
	f.collateral = genuine;
	f.collateral.ark = view(&milan_ark);
	assert_int_not_equal(refused(&f.collateral, IN_2025), MARBLERUN_STEP_NONE);
	f.collateral = genuine;
	f.collateral.ask = view(&vlek); /* a VCEK is not issued by the ASVK */
	assert_int_equal(refused(&f.collateral, IN_2025), MARBLERUN_STEP_CERTIFICATES);
	f.collateral = genuine;
	assert_int_equal(refused(&f.collateral, 0), MARBLERUN_STEP_CERTIFICATES);
	drop(&f);
}

/* AMD's own CRLs: of Milan and Turin they are empty, Genoa's lists an old ASK. */
static void lists_of_amd(void **state)
{
	(void)state;
	struct files f = turin();
	CLEANUP(snp_chain_free) struct snp_chain chain = { 0 };
	CLEANUP(blob_free) struct blob genoa_crl = read_vector("kds-2026-08/crl_genoa.der");
	enum marblerun_step step;
	f.crl = read_vector("kds-2026-08/crl_turin.der");
	f.collateral.crl = view(&f.crl);
	error *e = snp_chain_verify(&f.collateral, IN_2026, &chain, &step);
	if (e)
		fail_msg("%s: %s", marblerun_step_name(step), error_message(e));
	assert_int_equal(refused(&f.collateral, IN_2026 + 200 * 86400), MARBLERUN_STEP_REVOCATION);
	f.collateral.crl = view(&genoa_crl);
	assert_int_equal(refused(&f.collateral, IN_2026), MARBLERUN_STEP_REVOCATION);
	drop(&f);
}

static X509_NAME *amd_name(const char *common_name)
{
	static const char *const parts[][2] = { { "OU", "Engineering" }, { "C", "US" }, { "L", "Santa Clara" },
						{ "ST", "CA" }, { "O", "Advanced Micro Devices" } };
	X509_NAME *name = X509_NAME_new();
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		assert_true(X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_ASC,
						       (const unsigned char *)parts[i][1], -1, -1, 0));
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1,
					       0));
	return name;
}

/* A certificate with AMD's names and its kind of signature, by a key of our own. */
static struct blob made_up(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *certificate = X509_new();
	X509_NAME *name = amd_name(subject), *issuer_name = amd_name(issuer);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding;
	unsigned char *der = NULL;
	struct blob ret = { 0 };
	X509_set_version(certificate, X509_VERSION_3);
	X509_set_subject_name(certificate, name);
	X509_set_issuer_name(certificate, issuer_name);
	X509_set_pubkey(certificate, key);
	ASN1_TIME_set(X509_getm_notBefore(certificate), IN_2025 - 86400);
	ASN1_TIME_set(X509_getm_notAfter(certificate), IN_2026);
	assert_int_equal(EVP_DigestSignInit(context, &padding, EVP_sha384(), NULL, signer), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, 48), 1);
	assert_true(X509_sign_ctx(certificate, context) > 0);
	int size = i2d_X509(certificate, &der);
	assert_null(blob_copy(bytes_of(der, (size_t)size), &ret));
	OPENSSL_free(der);
	EVP_MD_CTX_free(context);
	X509_NAME_free(name);
	X509_NAME_free(issuer_name);
	X509_free(certificate);
	return ret;
}

/* Somebody's own ASVK (or ASK), named as AMD's is, and a leaf of it; under AMD's ARK, and under one's own. */
static void made_up_intermediates(void **state)
{
	(void)state;
	static const char *const kinds[][2] = { { "SEV-VLEK-Milan", "SEV-VLEK" }, { "SEV-Milan", "SEV-VCEK" } };
	CLEANUP(blob_free) struct blob ark = read_vector("virtee-milan-v2/ark.pem");
	EVP_PKEY *key = EVP_RSA_gen(4096), *leaf_key = EVP_EC_gen("P-384");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(blob_free) struct blob own_ark = made_up("ARK-Milan", "ARK-Milan", key, key);
		CLEANUP(blob_free) struct blob middle = made_up(kinds[i][0], "ARK-Milan", key, key);
		CLEANUP(blob_free) struct blob leaf = made_up(kinds[i][1], kinds[i][0], leaf_key, key);
		struct marblerun_collateral c = { .vcek = view(&leaf), .ask = view(&middle), .ark = view(&ark) };
		assert_int_equal(refused(&c, IN_2025), MARBLERUN_STEP_CERTIFICATES);
		c.ark = view(&own_ark);
		assert_int_equal(refused(&c, IN_2025), MARBLERUN_STEP_ROOT);
		c.ark = c.ask;
		assert_int_equal(refused(&c, IN_2025), MARBLERUN_STEP_ROOT);
	}
	EVP_PKEY_free(key);
	EVP_PKEY_free(leaf_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turin_is_read_its_own_way),
		cmocka_unit_test(turin_with_others_certificates),
		cmocka_unit_test(lists_of_amd),
		cmocka_unit_test(made_up_intermediates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
