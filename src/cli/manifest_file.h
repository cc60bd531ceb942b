/* Manifests: local files and the coordinator's. */
#pragma once
#include "cli/coordinator.h"

enum { MANIFEST_SIZE_MAX = 16 << 20, FINGERPRINT_SIZE = 32 };

/* SHA-256 of the exact bytes: what the public documentation calls the manifest's signature. */
error *manifest_fingerprint(bytes manifest, uint8_t ret[FINGERPRINT_SIZE]) MUST_USE;
/* A file with JSON, its exact bytes. */
error *manifest_read(const char *path, struct blob *ret) MUST_USE;
/* POST {"manifest": base64} to an endpoint; the data of the answer. */
error *manifest_upload(struct coordinator *c, const char *endpoint, const struct blob *manifest,
		       json_t **ret) MUST_USE;
/* What "MANIFEST|SIGNATURE" names: a file with a manifest, a file with a fingerprint in hexadecimal, or
 * the fingerprint itself. */
error *manifest_expected(const char *argument, uint8_t ret[FINGERPRINT_SIZE]) MUST_USE;

/* The coordinator's manifest, checked: its fingerprint is that of its bytes, and the root key signed
 * them. */
struct served_manifest {
	struct blob text;
	uint8_t fingerprint[FINGERPRINT_SIZE];
};
error *manifest_fetch(struct coordinator *c, struct served_manifest *ret) MUST_USE;
/* Puts the versions that updates of packages have raised, which the log tells, into the text. It stays
 * as it is when there are none. */
error *manifest_merge_updates(struct coordinator *c, struct blob *text, bool *ret_changed) MUST_USE;
/* The check alone. `signature`: ASN.1 ECDSA over SHA-256 of the text. */
error *manifest_check_signed(bytes text, bytes fingerprint, bytes signature, X509 *root,
		      uint8_t ret[FINGERPRINT_SIZE]) MUST_USE;
