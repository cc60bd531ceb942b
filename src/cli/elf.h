/* One section of an ELF file (System V ABI, chapter 4), 64 bits, little endian. */
#pragma once
#include "base/blob.h"

/* Where the bytes come from: a file too large to be read whole, or memory. */
struct elf_source {
	/* Exactly `size` bytes from `offset`; ERROR_INVALID when they are not there. */
	error *(*read)(void *context, uint64_t offset, size_t size, struct blob *ret);
	void *context;
};
enum { ELF_SECTION_MAX = 16 << 20 };

/* ERROR_UNSUPPORTED: no 64-bit little endian ELF file. ERROR_NOT_FOUND: no such section.
 * ERROR_INVALID: it is damaged. */
error *elf_section(const struct elf_source *from, const char *name, struct blob *ret) MUST_USE;
/* Reads from a file descriptor, which *context is. */
error *elf_read_file(void *descriptor, uint64_t offset, size_t size, struct blob *ret) MUST_USE;
