/* Values that users upload for secrets of the manifest. */
#pragma once
#include "codec/json.h"
#include "secrets/secret_value.h"

/* {"Key": base64} for symmetric keys and plain data; {"Cert": base64 of DER, "Private": base64 of DER} for
 * certificates, where the private key (PKCS#8, or the older forms of its type) may be missing. Kind of
 * key, size and the pair are checked against the definition. Messages never show a value. */
error *secret_upload_read(const struct secret_definition *definition, json_t *upload,
			  struct secret_value *ret) MUST_USE;
