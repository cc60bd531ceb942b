/* The properties of a package, out of what is signed. */
#pragma once
#include "cli/sigstruct.h"

enum package_kind {
	PACKAGE_OPEN_ENCLAVE, /* Open Enclave, EGo, Edgeless RT: section .oeinfo */
	PACKAGE_SGX_SDK,      /* SGX SDK, Occlum: section .note.sgxmeta */
	PACKAGE_GRAMINE,      /* a .sig file, which is a SIGSTRUCT */
};
const char *package_kind_name(enum package_kind kind);

/* Of a file; of a folder, that of the Gramine or Occlum instance in it. */
error *package_read(const char *path, enum package_kind *ret_kind, struct package_properties *ret) MUST_USE;
