/* A subject as Go's pkix.Name says it. */
#pragma once
#include <openssl/x509.h>

#include "codec/json.h"

/* Adds what the object names to `subject`. */
error *subject_read(json_t *value, X509_NAME *subject) MUST_USE;
