#include "attest/snp/endorsement.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "attest/crl.h"
#include "attest/snp/leaf.h"

static const struct snp_product products[] = {
	{ "Milan", "ARK-Milan", "SEV-Milan", "SEV-VLEK-Milan",
	  { 0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5, 0xff, 0xa8, 0x95, 0xbd, 0xfb,
	    0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b, 0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9 },
	  false, 64 },
	{ "Genoa", "ARK-Genoa", "SEV-Genoa", "SEV-VLEK-Genoa",
	  { 0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d, 0xb5, 0xfc, 0xda, 0x9c, 0x64,
	    0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a, 0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31 },
	  false, 64 },
	{ "Turin", "ARK-Turin", "SEV-Turin", "SEV-VLEK-Turin",
	  { 0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56, 0xf9, 0x24, 0x3f, 0x6f, 0xe0,
	    0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03, 0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08 },
	  true, 8 },
};

/* AMD's certificates are asked for in DER and PEM; which one it is shows in the first bytes. */
static error *read_certificate(struct marblerun_bytes from, const char *what, X509 **ret)
{
	X509 *certificate = NULL;
	BIO *text = from.size && from.size <= 1 << 16 ? BIO_new_mem_buf(from.data, (int)from.size) : NULL;
	if (!from.size)
		return error_new(ERROR_INVALID, "%s is missing", what);
	if (text && from.data[0] == 0x30)
		certificate = d2i_X509_bio(text, NULL);
	else if (text)
		certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);
	BIO_free(text);
	ERR_clear_error();
	if (!certificate)
		return error_new(ERROR_INVALID, "%s is no X.509 certificate in DER or PEM", what);
	*ret = certificate;
	return NULL;
}

static bool has_common_name(const X509_NAME *name, const char *expected)
{
	char text[64] = "";
	int length = X509_NAME_get_text_by_NID(name, NID_commonName, text, sizeof text);
	return length == (int)strlen(expected) && strcmp(text, expected) == 0;
}

error *snp_leaf_product(bytes leaf, const char **ret)
{
	X509 *certificate;
	const char *found = NULL;
	TRY(read_certificate((struct marblerun_bytes){ leaf.data, leaf.size }, "the VCEK or VLEK certificate",
			     &certificate));
	const X509_NAME *issuer = X509_get_issuer_name(certificate);
	for (size_t i = 0; i < ARRAY_SIZE(products); i++)
		if (has_common_name(issuer, products[i].ask_name) || has_common_name(issuer, products[i].asvk_name))
			found = products[i].name;
	X509_free(certificate);
	if (!found)
		return error_new(ERROR_INVALID, "the VCEK or VLEK certificate is of no product that is known");
	*ret = found;
	return NULL;
}

static void key_digest(const X509 *certificate, uint8_t ret[32])
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(X509_get0_pubkey(certificate), &der);
	memset(ret, 0, 32);
	if (size > 0)
		SHA256(der, (size_t)size, ret);
	OPENSSL_free(der);
}

static error *find_product(struct snp_chain *chain)
{
	uint8_t digest[32];
	key_digest(chain->root, digest);
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		if (memcmp(digest, products[i].ark_key_digest, sizeof digest) == 0) {
			chain->product = &products[i];
			return NULL;
		}
	}
	return error_new(ERROR_DENIED, "the ARK is none of AMD's root keys");
}

/* AMD signs certificates and CRLs with RSASSA-PSS, SHA-384, 48 bytes of salt. */
static bool is_amd_signature(const X509_ALGOR *algorithm, int bits)
{
	const ASN1_OBJECT *object;
	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	return OBJ_obj2nid(object) == NID_rsassaPss && bits == 4096;
}

static error *check_signed_by(X509 *subject, X509 *issuer, const char *what)
{
	const X509_ALGOR *algorithm;
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	X509_get0_signature(NULL, &algorithm, subject);
	bool good = key && is_amd_signature(algorithm, EVP_PKEY_get_bits(key)) &&
		    X509_NAME_cmp(X509_get_issuer_name(subject), X509_get_subject_name(issuer)) == 0 &&
		    X509_verify(subject, key) == 1;
	ERR_clear_error();
	return good ? NULL : error_new(ERROR_DENIED, "the %s is not signed by its issuer", what);
}

static error *seconds_of(const ASN1_TIME *time, const char *what, int64_t *ret)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;
	bool good = epoch && time && ASN1_TIME_diff(&days, &seconds, epoch, time);
	ASN1_TIME_free(epoch);
	if (!good)
		return error_new(ERROR_INVALID, "%s has a date that can't be read", what);
	*ret = (int64_t)days * 86400 + seconds;
	return NULL;
}

/* Narrows the chain's window and checks that `at` is in it. */
static error *check_window(const ASN1_TIME *from, const ASN1_TIME *until, const char *what, int64_t at,
			   struct snp_chain *chain)
{
	int64_t first, last;
	TRY(seconds_of(from, what, &first));
	TRY(seconds_of(until, what, &last));
	if (at < first || at > last)
		return error_new(ERROR_DENIED, "the %s is %s at the time of verification", what,
				 at < first ? "not valid yet" : "expired");
	if (first > chain->valid_from)
		chain->valid_from = first;
	if (last < chain->valid_until)
		chain->valid_until = last;
	return NULL;
}

static error *check_dates(X509 *certificate, const char *what, int64_t at, struct snp_chain *chain)
{
	return check_window(X509_get0_notBefore(certificate), X509_get0_notAfter(certificate), what, at,
			    chain);
}

static error *check_certificates(struct snp_chain *chain, int64_t at)
{
	const struct snp_product *p = chain->product;
	const X509_NAME *middle = X509_get_subject_name(chain->intermediate);
	chain->leaf.vlek = has_common_name(middle, p->asvk_name);
	if (!chain->leaf.vlek && !has_common_name(middle, p->ask_name))
		return error_new(ERROR_DENIED, "the intermediate certificate is neither %s nor %s",
				 p->ask_name, p->asvk_name);
	if (!has_common_name(X509_get_subject_name(chain->root), p->ark_name))
		return error_new(ERROR_DENIED, "the root certificate is not named %s", p->ark_name);
	const char *leaf_name = chain->leaf.vlek ? "SEV-VLEK" : "SEV-VCEK";
	if (!has_common_name(X509_get_subject_name(chain->leaf.certificate), leaf_name))
		return error_new(ERROR_DENIED, "the leaf certificate is not named %s", leaf_name);
	TRY(check_signed_by(chain->root, chain->root, "ARK certificate"));
	TRY(check_signed_by(chain->intermediate, chain->root, "ASK certificate"));
	TRY(check_signed_by(chain->leaf.certificate, chain->intermediate, "VCEK or VLEK certificate"));
	TRY(check_dates(chain->root, "ARK certificate", at, chain));
	TRY(check_dates(chain->intermediate, "ASK certificate", at, chain));
	TRY(check_dates(chain->leaf.certificate, "VCEK or VLEK certificate", at, chain));
	if (EVP_PKEY_get_base_id(X509_get0_pubkey(chain->leaf.certificate)) != EVP_PKEY_EC ||
	    EVP_PKEY_get_bits(X509_get0_pubkey(chain->leaf.certificate)) != 384)
		return error_new(ERROR_DENIED, "the leaf certificate's key is no P-384 key");
	return snp_leaf_read(chain->leaf.certificate, p, &chain->leaf);
}

static bool lists(X509_CRL *crl, X509 *certificate)
{
	X509_REVOKED *entry;
	return X509_CRL_get0_by_cert(crl, &entry, certificate) != 0;
}

/* CRLs are signed by the ARK and list ASKs and ASVKs. */
static error *check_crl(struct marblerun_bytes from, int64_t at, struct snp_chain *chain)
{
	CLEANUP_CRL X509_CRL *crl = NULL;
	const X509_ALGOR *algorithm;
	EVP_PKEY *key = X509_get0_pubkey(chain->root);
	if (!from.size)
		return NULL;
	TRY(crl_read(bytes_of(from.data, from.size), "CRL", &crl));
	X509_CRL_get0_signature(crl, NULL, &algorithm);
	bool good = is_amd_signature(algorithm, EVP_PKEY_get_bits(key)) &&
		    X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(chain->root)) == 0 &&
		    X509_CRL_verify(crl, key) == 1;
	ERR_clear_error();
	if (!good)
		return error_new(ERROR_DENIED, "the CRL is not signed by the ARK");
	TRY(check_window(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), "CRL", at, chain));
	if (lists(crl, chain->intermediate) || lists(crl, chain->leaf.certificate))
		return error_new(ERROR_DENIED, "a certificate of the chain is revoked");
	return NULL;
}

static error *verify(const struct marblerun_collateral *from, int64_t at, struct snp_chain *chain,
		     enum marblerun_step *step)
{
	*step = MARBLERUN_STEP_ENDORSEMENTS;
	TRY(read_certificate(from->vcek, "the VCEK or VLEK certificate", &chain->leaf.certificate));
	TRY(read_certificate(from->ask, "the ASK or ASVK certificate", &chain->intermediate));
	TRY(read_certificate(from->ark, "the ARK certificate", &chain->root));
	*step = MARBLERUN_STEP_ROOT;
	TRY(find_product(chain));
	*step = MARBLERUN_STEP_CERTIFICATES;
	TRY(check_certificates(chain, at));
	*step = MARBLERUN_STEP_REVOCATION;
	TRY(check_crl(from->crl, at, chain));
	*step = MARBLERUN_STEP_NONE;
	return NULL;
}

error *snp_chain_verify(const struct marblerun_collateral *from, int64_t at, struct snp_chain *ret,
			enum marblerun_step *step)
{
	CLEANUP(snp_chain_free) struct snp_chain chain = { .valid_from = INT64_MIN,
							   .valid_until = INT64_MAX };
	TRY(verify(from, at, &chain, step));
	*ret = chain;
	chain = (struct snp_chain){ 0 };
	return NULL;
}

void snp_chain_free(struct snp_chain *chain)
{
	X509_free(chain->leaf.certificate);
	X509_free(chain->intermediate);
	X509_free(chain->root);
	*chain = (struct snp_chain){ 0 };
}
