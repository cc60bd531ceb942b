/* The mesh's certificate authority: root, intermediate, marble root and marble certificates. */
#pragma once
#include "pki/certificate.h"
#include "pki/key.h"

/* The root and what hangs on it. Everything is public except the keys. */
struct ca {
	EVP_PKEY *root_key, *intermediate_key;
	X509 *root;         /* CN "MarbleRun Coordinator", self-signed */
	X509 *intermediate; /* CN "MarbleRun Coordinator - Intermediate CA", signed by the root */
	X509 *marble_root;  /* the intermediate's key and name, self-signed */
};

/* `now` in seconds since 1970; `kind` KEY_P256 or KEY_P384; `names` plus loopback IPs become SANs. */
error *ca_create(const struct san_list *names, enum key_kind kind, int64_t now, struct ca *ret) MUST_USE;
/* New intermediate key, intermediate and marble root under the same root. */
error *ca_renew_intermediate(struct ca *ca, const struct san_list *names, enum key_kind kind,
			     int64_t now) MUST_USE;
/* A marble's certificate: CN = uuid, extension 1.3.9903.2.1 = type, names as given, server and
 * client auth, not a CA; signed by the intermediate key with the marble root's name as issuer.
 * DER: whoever needs it as an X509 pays for reading it, which takes longer than its making. */
error *ca_issue_marble(const struct ca *ca, EVP_PKEY *marble_key, const char *uuid, const char *type,
		       const struct san_list *names, int64_t now, struct blob *ret) MUST_USE;
/* The same authority, held once more; keys and certificates are shared. */
error *ca_share(const struct ca *ca, struct ca *ret) MUST_USE;
enum { MARBLE_TYPE_MAX = 4096 }; /* bytes */
/* Whose is this certificate of a marble (DER)? It must be signed by the intermediate's key and valid at
 * `now`. Gives UUID and type as the certificate has them; the type is owned by the caller. */
error *ca_marble_identity(const struct ca *ca, bytes der, int64_t now, char ret_uuid[37],
			  char **ret_type) MUST_USE;
void ca_free(struct ca *ca);
DEFINE_CLEANUP_IN_PLACE(ca_free, struct ca)
