#include "cli/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/elf.h"

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}
#define CLEANUP_CLOSE __attribute__((cleanup(close_descriptor)))

enum { SIG_FILE_MAX = 1 << 20 };

const char *package_kind_name(enum package_kind kind)
{
	static const char *const names[] = { "Open Enclave", "SGX SDK", "Gramine" };
	return names[kind];
}

static error *of_section(int file, const char *section, struct package_properties *ret)
{
	const struct elf_source source = { elf_read_file, &file };
	CLEANUP(blob_free) struct blob content = { 0 };
	TRY(elf_section(&source, section, &content));
	TRY_CTX(sigstruct_find(blob_view(&content), ret), "section %s", section);
	return NULL;
}

static error *of_sig_file(const char *path, struct package_properties *ret)
{
	CLEANUP(blob_free) struct blob content = { 0 };
	TRY(file_read(path, SIG_FILE_MAX, &content));
	return sigstruct_find(blob_view(&content), ret);
}

static bool is_missing(const error *e)
{
	return e && error_code(e) == ERROR_NOT_FOUND;
}

/* An ELF file with one of the two sections; anything else may be a .sig file. */
static error *of_file(const char *path, enum package_kind *kind, struct package_properties *ret)
{
	static const char *const sections[] = { ".oeinfo", ".note.sgxmeta" };
	CLEANUP_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0)
		return error_errno(ERROR_NOT_FOUND, errno, "opening it");
	error *e = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		error_free(e);
		*kind = (enum package_kind)i;
		e = of_section(file, sections[i], ret);
		if (!is_missing(e))
			break;
	}
	if (is_missing(e)) {
		error_free(e);
		return error_new(ERROR_NOT_FOUND, "it is an ELF file without a signed section .oeinfo (Open "
				 "Enclave, EGo) or .note.sgxmeta (SGX SDK, Occlum): it is no signed "
				 "enclave");
	}
	if (!e || error_code(e) != ERROR_UNSUPPORTED)
		return e;
	error_free(e);
	*kind = PACKAGE_GRAMINE;
	return of_sig_file(path, ret);
}

static bool is_sig_file(const char *name)
{
	size_t size = strlen(name);
	return size > 4 && strcmp(name + size - 4, ".sig") == 0;
}

static char *join(const char *folder, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* The only .sig file of a folder; NULL when there is none. */
static error *find_sig_file(const char *folder, char **ret)
{
	DIR *all = opendir(folder);
	if (!all)
		return error_errno(ERROR_NOT_FOUND, errno, "opening it");
	CLEANUP_FREE char *found = NULL;
	error *e = NULL;
	for (struct dirent *entry; !e && (entry = readdir(all));) {
		if (!is_sig_file(entry->d_name))
			continue;
		if (found)
			e = error_new(ERROR_INVALID, "the folder holds several .sig files: name one of "
				      "them");
		else if (!(found = join(folder, entry->d_name)))
			e = error_no_memory();
	}
	closedir(all);
	if (!e)
		*ret = TAKE(found);
	return e;
}

static error *of_folder(const char *path, enum package_kind *kind, struct package_properties *ret)
{
	CLEANUP_FREE char *sig = NULL;
	CLEANUP_FREE char *occlum = join(path, "build/lib/libocclum-libos.signed.so");
	TRY_ALLOC(occlum);
	TRY(find_sig_file(path, &sig));
	if (sig) {
		*kind = PACKAGE_GRAMINE;
		return of_sig_file(sig, ret);
	}
	if (access(occlum, F_OK) == 0)
		return of_file(occlum, kind, ret);
	return error_new(ERROR_NOT_FOUND, "the folder is neither a Gramine instance (a .sig file) nor an "
			 "Occlum instance (build/lib/libocclum-libos.signed.so)");
}

/* What a Gramine manifest says of itself is not signed; its .sig file beside it is. */
static error *of_gramine_manifest(const char *path, size_t stem, enum package_kind *kind,
				  struct package_properties *ret)
{
	CLEANUP_FREE char *sig = NULL;
	if (asprintf(&sig, "%.*s.sig", (int)stem, path) < 0) {
		sig = NULL;
		return error_no_memory();
	}
	*kind = PACKAGE_GRAMINE;
	return of_sig_file(sig, ret);
}

static error *of_named_file(const char *path, enum package_kind *kind, struct package_properties *ret)
{
	static const char suffix[] = ".manifest.sgx";
	size_t size = strlen(path), tail = sizeof suffix - 1;
	if (size > tail && strcmp(path + size - tail, suffix) == 0)
		return of_gramine_manifest(path, size - tail, kind, ret);
	return of_file(path, kind, ret);
}

error *package_read(const char *path, enum package_kind *ret_kind, struct package_properties *ret)
{
	struct stat is;
	enum package_kind kind = PACKAGE_OPEN_ENCLAVE;
	if (stat(path, &is) != 0)
		return error_errno(ERROR_NOT_FOUND, errno, "%s", path);
	TRY_CTX(S_ISDIR(is.st_mode) ? of_folder(path, &kind, ret) : of_named_file(path, &kind, ret), "%s",
		path);
	*ret_kind = kind;
	return NULL;
}
