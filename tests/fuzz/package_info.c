/* What 'marblerun package-info' reads: an ELF file's sections, and a SIGSTRUCT anywhere. */
#include "cli/elf.h"
#include "cli/sigstruct.h"

static error *read_memory(void *context, uint64_t offset, size_t size, struct blob *ret)
{
	const bytes *file = context;
	if (offset > file->size || size > file->size - offset)
		return error_new(ERROR_INVALID, "not in the file");
	return blob_copy(bytes_slice(*file, offset, size), ret);
}

static void try_section(bytes file, const char *name)
{
	const struct elf_source source = { read_memory, &file };
	CLEANUP(blob_free) struct blob section = { 0 };
	struct package_properties p;
	error *e = elf_section(&source, name, &section);
	if (!e)
		e = sigstruct_find(blob_view(&section), &p);
	error_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct package_properties p;
	bytes file = bytes_of(data, size);
	try_section(file, ".oeinfo");
	try_section(file, ".note.sgxmeta");
	error_free(sigstruct_find(file, &p));
	return 0;
}
