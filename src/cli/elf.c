#include "cli/elf.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/reader.h"

/* Sizes and values of the specification; no structure is laid over foreign bytes. */
enum { CLASS_64 = 2, DATA_LITTLE_ENDIAN = 1, TYPE_NOBITS = 8 };
enum { HEADER_SIZE = 64, SECTION_HEADER_SIZE = 64, SECTION_COUNT_MAX = 4096, NAMES_MAX = 1 << 20 };

struct header {
	uint64_t sections_at; /* e_shoff */
	uint16_t section_size, section_count, names_index;
};
struct section {
	uint32_t name;
	uint32_t type;
	uint64_t offset, size;
};

static error *read_header(const struct elf_source *from, struct header *ret)
{
	static const uint8_t expected[] = { 0x7f, 'E', 'L', 'F', CLASS_64, DATA_LITTLE_ENDIAN };
	CLEANUP(blob_free) struct blob raw = { 0 };
	error *e = from->read(from->context, 0, HEADER_SIZE, &raw);
	if (e || !bytes_equal(bytes_slice(blob_view(&raw), 0, sizeof expected), BYTES_OF_ARRAY(expected))) {
		error_free(e);
		return error_new(ERROR_UNSUPPORTED, "it is no 64-bit ELF file");
	}
	struct reader r = reader_of(blob_view(&raw));
	read_view(&r, 40); /* up to e_shoff */
	ret->sections_at = read_le64(&r);
	read_view(&r, 10); /* e_flags, e_ehsize, e_phentsize, e_phnum */
	ret->section_size = read_le16(&r);
	ret->section_count = read_le16(&r);
	ret->names_index = read_le16(&r);
	return reader_finish(&r, "ELF header");
}

static error *check_header(const struct header *h)
{
	if (h->section_count == 0)
		return error_new(ERROR_NOT_FOUND, "the ELF file has no sections");
	if (h->section_size != SECTION_HEADER_SIZE || h->section_count > SECTION_COUNT_MAX ||
	    h->names_index >= h->section_count)
		return error_new(ERROR_INVALID, "the ELF file's section table makes no sense (%u entries of "
				 "%u bytes, names in number %u)", h->section_count, h->section_size,
				 h->names_index);
	return NULL;
}

static struct section section_at(bytes table, size_t index)
{
	struct reader r = reader_of(bytes_slice(table, index * SECTION_HEADER_SIZE, SECTION_HEADER_SIZE));
	struct section s = { .name = read_le32(&r), .type = read_le32(&r) };
	read_view(&r, 16); /* sh_flags, sh_addr */
	s.offset = read_le64(&r);
	s.size = read_le64(&r);
	return s;
}

static error *read_section(const struct elf_source *from, const struct section *s, size_t limit,
			   const char *name, struct blob *ret)
{
	if (s->type == TYPE_NOBITS || s->size > limit)
		return error_new(ERROR_INVALID, "the ELF file's section %s has no content or is larger than "
				 "%zu bytes", name, limit);
	TRY_CTX(from->read(from->context, s->offset, (size_t)s->size, ret), "the ELF file's section %s",
		name);
	return NULL;
}

/* The name at that offset, with its NUL, equals. */
static bool is_named(bytes names, uint32_t offset, const char *name)
{
	size_t size = strlen(name) + 1;
	return bytes_equal(bytes_slice(names, offset, size), bytes_of(name, size));
}

error *elf_section(const struct elf_source *from, const char *name, struct blob *ret)
{
	CLEANUP(blob_free) struct blob table = { 0 };
	CLEANUP(blob_free) struct blob names = { 0 };
	struct header h = { 0 };
	TRY(read_header(from, &h));
	TRY(check_header(&h));
	TRY_CTX(from->read(from->context, h.sections_at, (size_t)h.section_count * SECTION_HEADER_SIZE,
			   &table),
		"the ELF file's section table");
	struct section holder = section_at(blob_view(&table), h.names_index);
	TRY(read_section(from, &holder, NAMES_MAX, "with the names", &names));
	for (size_t i = 0; i < h.section_count; i++) {
		struct section s = section_at(blob_view(&table), i);
		if (is_named(blob_view(&names), s.name, name))
			return read_section(from, &s, ELF_SECTION_MAX, name, ret);
	}
	return error_new(ERROR_NOT_FOUND, "the ELF file has no section %s", name);
}

error *elf_read_file(void *descriptor, uint64_t offset, size_t size, struct blob *ret)
{
	CLEANUP(blob_free) struct blob b = { calloc(1, size ? size : 1), size };
	TRY_ALLOC(b.data);
	for (size_t done = 0; done < size;) {
		ssize_t got = 0; /* as behind the end */
		if (offset <= INT64_MAX - size)
			got = pread(*(int *)descriptor, b.data + done, size - done,
				    (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(ERROR_UNAVAILABLE, errno, "reading");
		if (got == 0)
			return error_new(ERROR_INVALID, "%zu bytes from %" PRIu64 " are not in the file",
					 size, offset);
		done += (size_t)got;
	}
	*ret = blob_take(&b);
	return NULL;
}
