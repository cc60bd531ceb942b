#include "cli/sigstruct.h"

#include <openssl/sha.h>

#include "base/reader.h"

static const uint8_t header_1[16] = { 6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 };
static const uint8_t header_2[16] = { 1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0 };
enum { AT_HEADER_2 = 24, ATTRIBUTE_DEBUG = 2 };

static bool looks_like_sigstruct(bytes raw)
{
	return raw.size >= SIGSTRUCT_SIZE && memcmp(raw.data, header_1, sizeof header_1) == 0 &&
	       memcmp(raw.data + AT_HEADER_2, header_2, sizeof header_2) == 0;
}

error *sigstruct_parse(bytes raw, struct package_properties *ret)
{
	struct package_properties p = { 0 };
	struct reader r = reader_of(raw);
	if (!looks_like_sigstruct(raw))
		return error_new(ERROR_INVALID, "no SIGSTRUCT: its fixed header is not there");
	read_view(&r, 128);                       /* headers, vendor, date, software-defined */
	bytes modulus = read_view(&r, 384);
	read_view(&r, 4 + 384 + 4 + 4 + 20);      /* exponent, signature, MISCSELECT and mask */
	read_view(&r, 16);                        /* ISVFAMILYID */
	uint64_t attributes = read_le64(&r);
	read_view(&r, 8 + 16);                    /* XFRM, mask */
	read_into(&r, p.unique_id, sizeof p.unique_id);
	read_view(&r, 16 + 16);                   /* reserved, ISVEXTPRODID */
	p.product_id = read_le16(&r);
	p.security_version = read_le16(&r);
	TRY(reader_check(&r, "SIGSTRUCT"));
	p.debug = attributes & ATTRIBUTE_DEBUG;
	SHA256(modulus.data, modulus.size, p.signer_id);
	*ret = p;
	return NULL;
}

/* What of an ELF64 header finding a section needs (System V ABI, "ELF Header"). */
struct elf {
	uint64_t sections_at;
	uint16_t section_size, section_count, names_index;
};

static bool read_elf(bytes file, struct elf *ret)
{
	struct reader r = reader_of(file);
	bytes identity = read_view(&r, 16);
	static const uint8_t elf64_le[6] = { 0x7f, 'E', 'L', 'F', 2, 1 };
	if (identity.size < 16 || memcmp(identity.data, elf64_le, sizeof elf64_le) != 0)
		return false;
	read_view(&r, 2 + 2 + 4 + 8 + 8);
	ret->sections_at = read_le64(&r);
	read_view(&r, 4 + 2 + 2 + 2);
	ret->section_size = read_le16(&r);
	ret->section_count = read_le16(&r);
	ret->names_index = read_le16(&r);
	return !r.failed && ret->section_size >= 64;
}

struct section {
	uint32_t name;
	bytes content;
};

static bool read_section(bytes file, const struct elf *elf, uint16_t index, struct section *ret)
{
	uint64_t offset = (uint64_t)index * elf->section_size, at;
	if (__builtin_add_overflow(offset, elf->sections_at, &at))
		return false;
	struct reader r = reader_of(bytes_slice(file, at, 64));
	ret->name = read_le32(&r);
	read_view(&r, 4 + 8 + 8);
	uint64_t start = read_le64(&r), size = read_le64(&r);
	if (r.failed || start > file.size || size > file.size - start)
		return false;
	ret->content = bytes_slice(file, start, size);
	return true;
}

static bool is_named(bytes names, uint32_t at, const char *name)
{
	return bytes_equal(bytes_slice(names, at, strlen(name) + 1), bytes_of(name, strlen(name) + 1));
}

/* Open Enclave's section holds its own properties first, then the SIGSTRUCT, at an offset that depends
 * on its version: the fixed header says where. */
static bool find_in_section(bytes section, bytes *ret)
{
	for (size_t at = 0; at + SIGSTRUCT_SIZE <= section.size; at += 8) {
		*ret = bytes_slice(section, at, SIGSTRUCT_SIZE);
		if (looks_like_sigstruct(*ret))
			return true;
	}
	return false;
}

static bool find_in_elf(bytes file, bytes *ret)
{
	struct elf elf;
	struct section names, section;
	if (!read_elf(file, &elf) || !read_section(file, &elf, elf.names_index, &names))
		return false;
	for (uint16_t i = 0; i < elf.section_count; i++)
		if (read_section(file, &elf, i, &section) &&
		    is_named(names.content, section.name, ".oeinfo"))
			return find_in_section(section.content, ret);
	return false;
}

error *sigstruct_find(bytes file, const char *path, bytes *ret)
{
	if (looks_like_sigstruct(file)) {
		*ret = bytes_slice(file, 0, SIGSTRUCT_SIZE);
		return NULL;
	}
	if (find_in_elf(file, ret))
		return NULL;
	return error_new(ERROR_INVALID, "%s is neither a signed Open Enclave or EGo program nor a Gramine .sig "
			 "file; a simulated platform measures any program (--sim-platform DIR)", path);
}
