#include "../marble/testing.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ttls/reach.h"

static const char name[] = "reach-program";

/* The beginning of a program: header, program headers, and what they point at. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	char loader[32];
	uint8_t note[16];
};

static struct image image_with(const char *loader)
{
	struct image i = { .header = { .e_ident = ELFMAG, .e_machine = EM_X86_64, .e_phentsize = sizeof(Elf64_Phdr),
				       .e_phoff = offsetof(struct image, segments), .e_phnum = 2 } };
	i.header.e_ident[EI_CLASS] = ELFCLASS64;
	strcpy(i.loader, loader);
	i.segments[0] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = offsetof(struct image, loader),
				      .p_filesz = strlen(loader) + 1 };
	return i;
}

static void write_program(const void *content, size_t size)
{
	unlink(name);
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	assert_true(file >= 0 && write(file, content, size) == (ssize_t)size);
	close(file);
}

static error *check_program(void)
{
	int file = open(name, O_RDONLY);
	error *e = reach_check(file, name);
	close(file);
	return e;
}

static void refused(const char *part)
{
	error *e = check_program();
	assert_non_null(e);
	assert_non_null(strstr(error_message(e), part));
	error_free(e);
	unlink(name);
}

static void programs_in_reach(void **state)
{
	(void)state;
	struct image i = image_with("/lib64/ld-linux-x86-64.so.2");
	write_program(&i, sizeof i);
	must(check_program());
	static const char *const scripts[] = { "#!/bin/sh\n", "#! /usr/bin/env sh\n", "#!/usr/bin/env -S sh -e\n",
					       "#!/bin/sh -e" };
	for (size_t n = 0; n < ARRAY_SIZE(scripts); n++) {
		write_program(scripts[n], strlen(scripts[n]));
		must(check_program());
	}
	unlink(name);
}

static void programs_out_of_reach(void **state)
{
	(void)state;
	struct image i = image_with("/lib/ld-musl-x86_64.so.1");
	write_program(&i, sizeof i);
	refused("glibc");
	i.segments[0].p_type = PT_LOAD;
	write_program(&i, sizeof i);
	refused("statically linked");
	i = image_with("/lib64/ld-linux-x86-64.so.2");
	i.segments[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(struct image, note), .p_filesz = 16 };
	const Elf64_Nhdr note = { .n_namesz = 3, .n_type = 4 };
	memcpy(i.note, &note, sizeof note);
	memcpy(i.note + sizeof note, "Go", 3);
	write_program(&i, sizeof i);
	refused("Go program");
	i = image_with("/lib64/ld-linux-x86-64.so.2");
	i.header.e_machine = EM_386;
	write_program(&i, sizeof i);
	refused("another machine");
	i = image_with("/lib64/ld-linux-x86-64.so.2");
	write_program(&i, sizeof i);
	assert_int_equal(chmod(name, 04755), 0);
	refused("set-uid");
	i.header.e_phnum = 60;
	write_program(&i, sizeof i);
	refused("program headers");
	write_program("neither", 7);
	refused("neither an ELF file nor a script");
	write_program("#!/does/not/exist\n", 18);
	refused("/does/not/exist");
	write_program("#!./reach-program\n", 18);
	refused("a script of a script");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_in_reach),
		cmocka_unit_test(programs_out_of_reach),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
