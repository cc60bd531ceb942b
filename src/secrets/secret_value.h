/* A secret's value: what a definition of the manifest became. */
#pragma once
#include "base/blob.h"
#include "base/secret.h"
#include "manifest/model.h"

struct secret_value {
	const struct secret_definition *definition; /* borrowed from the manifest */
	struct secret private_part; /* PKCS#8 DER, the symmetric key, or plain data */
	struct blob public_part;    /* SubjectPublicKeyInfo DER; empty for symmetric and plain */
	struct blob certificate;    /* DER; empty for symmetric and plain */
	bool is_set;                /* false: user-defined and not uploaded yet */
};
/* The same value once more. */
error *secret_value_copy(const struct secret_value *from, struct secret_value *ret) MUST_USE;
void secret_value_free(struct secret_value *v);
DEFINE_CLEANUP_IN_PLACE(secret_value_free, struct secret_value)
