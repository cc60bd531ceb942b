/* UUID and type in a marble's certificate. */
#include <openssl/x509v3.h>

#include "marble/marble.h"
#include "net/tls_chain.h"

static const char marble_type_oid[] = "1.3.9903.2.1";

static void object_free(ASN1_OBJECT *object)
{
	ASN1_OBJECT_free(object);
}
DEFINE_CLEANUP(object_free, ASN1_OBJECT *)

/* The only common name, of exactly the size of a UUID. */
static error *read_uuid(const X509 *certificate, char ret[MARBLERUN_UUID_SIZE])
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *name = at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	if (!name || ASN1_STRING_length(name) != MARBLERUN_UUID_SIZE - 1 ||
	    memchr(ASN1_STRING_get0_data(name), 0, MARBLERUN_UUID_SIZE - 1) ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return error_new(ERROR_DENIED, "the certificate is no marble's: its common name is no UUID");
	memcpy(ret, ASN1_STRING_get0_data(name), MARBLERUN_UUID_SIZE - 1);
	ret[MARBLERUN_UUID_SIZE - 1] = 0;
	return NULL;
}

/* The raw bytes of the extension, which must be there once. */
static error *read_type(const X509 *certificate, char ret[MARBLERUN_TYPE_SIZE])
{
	CLEANUP(object_free) ASN1_OBJECT *oid = OBJ_txt2obj(marble_type_oid, 1);
	TRY_ALLOC(oid);
	int at = X509_get_ext_by_OBJ(certificate, oid, -1);
	const ASN1_STRING *value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	int size = value ? ASN1_STRING_length(value) : 0;
	if (size <= 0 || size >= MARBLERUN_TYPE_SIZE || memchr(ASN1_STRING_get0_data(value), 0, (size_t)size) ||
	    X509_get_ext_by_OBJ(certificate, oid, at) >= 0)
		return error_new(ERROR_DENIED, "the certificate is no marble's: one marble type (extension %s) "
				 "is expected in it", marble_type_oid);
	memcpy(ret, ASN1_STRING_get0_data(value), (size_t)size);
	ret[size] = 0;
	return NULL;
}

error *peer_of_certificate(const X509 *certificate, struct marblerun_peer *ret)
{
	struct marblerun_peer peer;
	TRY(read_uuid(certificate, peer.uuid));
	TRY(read_type(certificate, peer.type));
	*ret = peer;
	return NULL;
}
