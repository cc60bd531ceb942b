/* HKDF-SHA-256 (RFC 5869). */
#pragma once
#include "base/secret.h"

/* Fills all of to->data from `key`; `salt` and `info` may be empty. */
error *hkdf_sha256(bytes key, bytes salt, bytes info, struct secret *to) MUST_USE;
