#include "ttls/reach.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/bytes.h"

enum { SCRIPTS_MAX = 4, HEADERS_MAX = 64, NOTE_MAX = 4096, LINE_MAX_SIZE = 256 };
static const char loader[] = "/lib64/ld-linux-x86-64.so.2"; /* glibc's, System V ABI */

static error *out_of_reach(const char *path, const char *why)
{
	return error_new(ERROR_UNSUPPORTED, "%s %s: the data plane, which the manifest's TLS entries of this marble "
			 "need, can't be inside it. Build it dynamically linked against glibc, or let it do TLS "
			 "itself with MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN and no TLS in its entry",
			 path, why);
}

static error *check_privileges(int file, const char *path)
{
	struct stat is;
	if (fstat(file, &is) != 0)
		return error_errno(ERROR_INTERNAL, errno, "%s", path);
	if (is.st_mode & (S_ISUID | S_ISGID))
		return out_of_reach(path, "is a set-uid or set-gid program");
	if (fgetxattr(file, "security.capability", NULL, 0) > 0)
		return out_of_reach(path, "has file capabilities");
	return NULL;
}

/* A note of Go's linker (PT_NOTE, owner "Go"). */
static bool has_go_note(int file, const Elf64_Phdr *segment)
{
	uint8_t notes[NOTE_MAX];
	size_t size = segment->p_filesz < sizeof notes ? segment->p_filesz : sizeof notes;
	ssize_t got = pread(file, notes, size, (off_t)segment->p_offset);
	for (size_t at = 0; got > 0 && at + sizeof(Elf64_Nhdr) + 4 <= (size_t)got;) {
		Elf64_Nhdr note;
		memcpy(&note, notes + at, sizeof note);
		if (note.n_namesz == 3 && memcmp(notes + at + sizeof note, "Go", 3) == 0)
			return true;
		if (note.n_namesz > NOTE_MAX || note.n_descsz > NOTE_MAX)
			return false;
		at += sizeof note + ((note.n_namesz + 3) & ~3U) + ((note.n_descsz + 3) & ~3U);
	}
	return false;
}

static error *check_interpreter(int file, const Elf64_Phdr *segment, const char *path)
{
	char name[sizeof loader] = "";
	if (segment->p_filesz == sizeof loader &&
	    pread(file, name, sizeof name, (off_t)segment->p_offset) == sizeof name &&
	    memcmp(name, loader, sizeof loader) == 0)
		return NULL;
	return out_of_reach(path, "is not linked against glibc");
}

static error *check_elf(int file, const Elf64_Ehdr *header, const char *path)
{
	Elf64_Phdr segments[HEADERS_MAX];
	bool interpreted = false;
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
		return out_of_reach(path, "is a program of another machine");
	size_t size = header->e_phnum * sizeof *segments;
	if (!header->e_phnum || header->e_phnum > HEADERS_MAX || header->e_phentsize != sizeof *segments ||
	    pread(file, segments, size, (off_t)header->e_phoff) != (ssize_t)size)
		return out_of_reach(path, "has no readable program headers");
	for (size_t i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_NOTE && has_go_note(file, &segments[i]))
			return out_of_reach(path, "is a Go program");
		if (segments[i].p_type != PT_INTERP)
			continue;
		interpreted = true;
		TRY(check_interpreter(file, &segments[i], path));
	}
	return interpreted ? NULL : out_of_reach(path, "is statically linked");
}

static error *check_file(int file, const char *path, unsigned scripts);

static error *check_path(const char *path, unsigned scripts)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0)
		return error_errno(ERROR_NOT_FOUND, errno, "interpreter %s", path);
	error *e = check_file(file, path, scripts);
	close(file);
	return e;
}

/* As env(1): the first folder of PATH that has it. */
static error *check_named(const char *name, unsigned scripts)
{
	char path[4096];
	const char *search = getenv("PATH");
	if (strchr(name, '/'))
		return check_path(name, scripts);
	for (const char *at = search ? search : "/bin:/usr/bin"; *at; at += strcspn(at, ":"), at += *at == ':') {
		int folder = (int)strcspn(at, ":"); /* an empty one means here */
		int size = snprintf(path, sizeof path, "%.*s%s%s", folder, at, folder ? "/" : "", name);
		if (size > 0 && (size_t)size < sizeof path && access(path, X_OK) == 0)
			return check_path(path, scripts);
	}
	return error_new(ERROR_NOT_FOUND, "interpreter %s is in no folder of PATH", name);
}

/* "#!interpreter [argument]" (execve(2)); env's argument is the program. */
static error *check_script(char *line, unsigned scripts)
{
	char *rest = NULL;
	line[strcspn(line, "\n")] = '\0';
	const char *interpreter = strtok_r(line + 2, " \t", &rest);
	const char *argument = strtok_r(NULL, " \t", &rest);
	if (!interpreter)
		return error_new(ERROR_INVALID, "a script without an interpreter");
	const char *base = strrchr(interpreter, '/');
	if (strcmp(base ? base + 1 : interpreter, "env") != 0)
		return check_path(interpreter, scripts);
	if (argument && strcmp(argument, "-S") == 0)
		argument = strtok_r(NULL, " \t", &rest);
	return argument ? check_named(argument, scripts) : check_path(interpreter, scripts);
}

static error *check_file(int file, const char *path, unsigned scripts)
{
	union {
		Elf64_Ehdr elf;
		char line[LINE_MAX_SIZE];
	} start = { .line = "" };
	ssize_t size = pread(file, start.line, sizeof start.line - 1, 0);
	TRY(check_privileges(file, path));
	if (size >= (ssize_t)sizeof start.elf && memcmp(start.elf.e_ident, ELFMAG, SELFMAG) == 0)
		return check_elf(file, &start.elf, path);
	if (size > 2 && memcmp(start.line, "#!", 2) == 0) {
		if (!scripts)
			return error_new(ERROR_UNSUPPORTED, "%s: a script of a script of a script", path);
		TRY_CTX(check_script(start.line, scripts - 1), "%s", path);
		return NULL;
	}
	return out_of_reach(path, "is neither an ELF file nor a script");
}

error *reach_check(int file, const char *path)
{
	return check_file(file, path, SCRIPTS_MAX);
}

error *reach_check_name(const char *name)
{
	return check_named(name, SCRIPTS_MAX);
}
