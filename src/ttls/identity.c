#include "ttls/identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const char marble_type_oid[] = "1.3.9903.2.1";

/* Decoded as a whole before threads share it: OpenSSL would do the rest when it first needs it. */
static X509 *read_certificate(BIO *pem)
{
	X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	if (certificate)
		(void)X509_check_purpose(certificate, -1, 0);
	return certificate;
}

static bool use_chain(SSL_CTX *context, const char *text)
{
	BIO *pem = BIO_new_mem_buf(text, -1);
	X509 *certificate = pem ? read_certificate(pem) : NULL;
	bool used = certificate && SSL_CTX_use_certificate(context, certificate) == 1;
	X509_free(certificate);
	while (used && (certificate = read_certificate(pem)))
		if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
			X509_free(certificate);
			used = false;
		}
	BIO_free(pem);
	ERR_clear_error();
	return used;
}

static bool use_key(SSL_CTX *context, const char *text)
{
	BIO *pem = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL) : NULL;
	bool used = key && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
	EVP_PKEY_free(key);
	BIO_free(pem);
	return used;
}

static bool trust(SSL_CTX *context, const char *text)
{
	unsigned count = 0;
	BIO *pem = BIO_new_mem_buf(text, -1);
	X509 *certificate;
	while (pem && (certificate = read_certificate(pem))) {
		count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(pem);
	ERR_clear_error();
	return count > 0;
}

bool identity_use(SSL_CTX *context, const struct plane_rule *rule)
{
	return trust(context, rule->ca) && use_chain(context, rule->chain) && use_key(context, rule->key);
}

/* The marble type in a certificate that the mesh has issued; 0: none, or one that does not fit. */
static size_t marble_type_of(X509 *certificate, char ret[PEER_TYPE_SIZE])
{
	ASN1_OBJECT *oid = OBJ_txt2obj(marble_type_oid, 1);
	int at = oid ? X509_get_ext_by_OBJ(certificate, oid, -1) : -1;
	const ASN1_OCTET_STRING *value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	size_t size = value ? (size_t)ASN1_STRING_length(value) : 0;
	ASN1_OBJECT_free(oid);
	if (!size || size >= PEER_TYPE_SIZE || memchr(ASN1_STRING_get0_data(value), 0, size))
		return 0;
	memcpy(ret, ASN1_STRING_get0_data(value), size);
	ret[size] = '\0';
	return size;
}

bool identity_permitted(const struct plane_rule *rule, X509 *certificate)
{
	char type[PEER_TYPE_SIZE];
	if (!rule->peers_given)
		return true;
	if (!marble_type_of(certificate, type))
		return false;
	for (size_t i = 0; i < rule->peer_count; i++)
		if (strcmp(rule->peers[i], type) == 0)
			return true;
	return false;
}

void identity_note(struct connection *c, X509 *peer)
{
	marble_type_of(peer, c->shared->peer_type);
	X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, c->shared->peer_uuid, PEER_UUID_SIZE);
}
