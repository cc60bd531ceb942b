/* The injector's certificate, under an authority that signs nothing else. */
#include <stdio.h>

#include "cli/mesh_objects.h"
#include "codec/pem.h"
#include "pki/draft.h"
#include "pki/key.h"

enum { VALID_S = 10 * 365 * 86400 };

void webhook_identity_free(struct webhook_identity *identity)
{
	blob_free(&identity->authority);
	blob_free(&identity->certificate);
	secret_free(&identity->key);
	*identity = (struct webhook_identity){ 0 };
}

static error *make_authority(int64_t now, EVP_PKEY **ret_key, X509 **ret)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	CLEANUP(draft_free) struct draft draft = { 0 };
	CLEANUP(blob_free) struct blob der = { 0 };
	TRY(key_generate(KEY_P256, 0, &key));
	TRY(draft_init(&draft, key, now - CLOCK_TOLERANCE_S, now + VALID_S));
	TRY(draft_common_name(&draft, "marble-injector CA"));
	TRY(draft_add_constraints(&draft, true, 0));
	TRY(draft_add_key_usage(&draft, USAGE_CERT_SIGN));
	TRY(draft_sign(&draft, NULL, key, NULL, &der));
	TRY(certificate_of_der(blob_view(&der), ret));
	*ret_key = TAKE(key);
	return NULL;
}

static error *add_names(struct draft *draft, const char *namespace)
{
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = GENERAL_NAMES_new();
	char name[160];
	TRY_ALLOC(names);
	snprintf(name, sizeof name, "marble-injector.%s.svc", namespace);
	TRY(general_name_push(names, GEN_DNS, bytes_of_string(name)));
	snprintf(name, sizeof name, "marble-injector.%s.svc.cluster.local", namespace);
	TRY(general_name_push(names, GEN_DNS, bytes_of_string(name)));
	return draft_add(draft, NID_subject_alt_name, false, names);
}

static error *make_leaf(EVP_PKEY *key, EVP_PKEY *issuer_key, X509 *issuer, const char *namespace, int64_t now,
			struct blob *ret)
{
	CLEANUP(draft_free) struct draft draft = { 0 };
	TRY(draft_init(&draft, key, now - CLOCK_TOLERANCE_S, now + VALID_S));
	TRY(draft_common_name(&draft, "marble-injector"));
	TRY(draft_add_constraints(&draft, false, -1));
	TRY(draft_add_key_usage(&draft, USAGE_DIGITAL_SIGNATURE));
	TRY(draft_add_tls_purposes(&draft));
	TRY(add_names(&draft, namespace));
	return draft_sign(&draft, issuer, issuer_key, NULL, ret);
}

static error *pem_of(const char *label, bytes der, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_pem(&w, label, der);
	return blob_of_writer(&w, label, ret);
}

static error *key_pem(EVP_PKEY *key, struct secret *ret)
{
	CLEANUP(secret_free) struct secret der = { 0 };
	CLEANUP(writer_free) struct writer w = { .secret = true };
	TRY(key_private_der(key, &der));
	write_pem(&w, "PRIVATE KEY", secret_view(&der));
	return secret_of_writer(&w, "the webhook's key", ret);
}

error *webhook_identity_make(const char *namespace, int64_t now, struct webhook_identity *ret)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *authority_key = NULL;
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	CLEANUP(X509_free) X509 *authority = NULL;
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(blob_free) struct blob authority_der = { 0 };
	CLEANUP(webhook_identity_free) struct webhook_identity made = { 0 };
	TRY(make_authority(now, &authority_key, &authority));
	TRY(key_generate(KEY_P256, 0, &key));
	TRY(make_leaf(key, authority_key, authority, namespace, now, &der));
	TRY(certificate_der(authority, &authority_der));
	TRY(pem_of("CERTIFICATE", blob_view(&der), &made.certificate));
	TRY(pem_of("CERTIFICATE", blob_view(&authority_der), &made.authority));
	TRY(key_pem(key, &made.key));
	*ret = made;
	made = (struct webhook_identity){ 0 };
	return NULL;
}
