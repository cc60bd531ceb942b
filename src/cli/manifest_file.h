/* Manifests as files and from a coordinator. */
#pragma once
#include "base/blob.h"
#include "cli/session.h"

enum { MANIFEST_FILE_MAX = 16 << 20 };
/* The file's bytes; refuses what is no JSON. */
error *manifest_file_read(const char *path, struct blob *ret) MUST_USE;
/* SHA-256. */
void manifest_fingerprint(bytes text, uint8_t ret[32]);
/* The coordinator's manifest, after its root key's signature over it and its fingerprint were checked. */
error *manifest_fetch(struct session *session, struct blob *ret) MUST_USE;
