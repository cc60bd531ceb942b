#include "kubernetes/identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static void bio_free(BIO *bio)
{
	BIO_free(bio);
}
DEFINE_CLEANUP(bio_free, BIO *)
DEFINE_CLEANUP(X509_free, X509 *)
DEFINE_CLEANUP(X509_STORE_free, X509_STORE *)

void kube_identity_free(struct kube_identity *identity)
{
	X509_free(identity->certificate);
	sk_X509_pop_free(identity->issuers, X509_free);
	EVP_PKEY_free(identity->key);
	*identity = (struct kube_identity){ 0 };
}

static error *open_pem(bytes pem, BIO **ret)
{
	BIO *bio = BIO_new_mem_buf(pem.size ? (const void *)pem.data : "", (int)pem.size);
	TRY_ALLOC(bio);
	*ret = bio;
	return NULL;
}

/* Nobody is asked for a passphrase: kubeconfigs hold keys that are not encrypted. */
static int no_passphrase(char *to, int size, int writing, void *argument)
{
	(void)to, (void)size, (void)writing, (void)argument;
	return -1;
}

static X509 *next_certificate(BIO *bio)
{
	X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	ERR_clear_error();
	return certificate;
}

static error *read_chain(bytes pem, const char *what, struct kube_identity *to)
{
	enum { ISSUERS_MAX = 16 };
	CLEANUP(bio_free) BIO *bio = NULL;
	X509 *issuer;
	TRY(open_pem(pem, &bio));
	to->certificate = next_certificate(bio);
	if (!to->certificate)
		return error_new(ERROR_INVALID, "%s: the client certificate is no certificate in PEM", what);
	to->issuers = sk_X509_new_null();
	TRY_ALLOC(to->issuers);
	while (sk_X509_num(to->issuers) < ISSUERS_MAX && (issuer = next_certificate(bio)))
		if (!sk_X509_push(to->issuers, issuer)) {
			X509_free(issuer);
			return error_no_memory();
		}
	return NULL;
}

static error *read_key(bytes pem, const char *what, struct kube_identity *to)
{
	CLEANUP(bio_free) BIO *bio = NULL;
	TRY(open_pem(pem, &bio));
	to->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool fits = to->key && X509_check_private_key(to->certificate, to->key);
	ERR_clear_error();
	if (!to->key)
		return error_new(ERROR_INVALID, "%s: the client key is no private key in PEM without passphrase", what);
	return fits ? NULL : error_new(ERROR_INVALID, "%s: the client key does not fit the client certificate", what);
}

error *kube_identity_read(bytes certificates, bytes key, const char *what, struct kube_identity *ret)
{
	CLEANUP(kube_identity_free) struct kube_identity read = { 0 };
	TRY(read_chain(certificates, what, &read));
	TRY(read_key(key, what, &read));
	*ret = read;
	read = (struct kube_identity){ 0 };
	return NULL;
}

error *kube_authorities_read(bytes pem, const char *what, X509_STORE **ret)
{
	CLEANUP(bio_free) BIO *bio = NULL;
	CLEANUP(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	size_t count = 0;
	TRY_ALLOC(store);
	TRY(open_pem(pem, &bio));
	for (;; count++) {
		CLEANUP(X509_free) X509 *certificate = next_certificate(bio);
		if (!certificate)
			break;
		if (!X509_STORE_add_cert(store, certificate))
			return error_no_memory();
	}
	if (!count)
		return error_new(ERROR_INVALID, "%s: the certificate authority is no certificate in PEM", what);
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	*ret = TAKE(store);
	return NULL;
}
