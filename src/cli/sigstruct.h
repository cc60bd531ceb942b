/* SGX's SIGSTRUCT (Intel SDM volume 3D, "Enclave Signature Structure"), and the files that hold one. */
#pragma once
#include "base/bytes.h"
#include "cli/package_print.h"

enum { SIGSTRUCT_SIZE = 1808 };
/* Checks the fixed header; reads identity, product and version. MRSIGNER is SHA-256 of the modulus. */
error *sigstruct_parse(bytes raw, struct package_properties *ret) MUST_USE;
/* The SIGSTRUCT in a file: a bare one (Gramine's .sig), or in section .oeinfo of an ELF program (Open
 * Enclave, EGo). */
error *sigstruct_find(bytes file, const char *path, bytes *ret) MUST_USE;
