#include "../marble/testing.h"

#include "premain/command.h"

#define ARGUMENTS(...) ((const char *[]){ __VA_ARGS__, NULL })

static error *parse(enum libos libos, const char **arguments, struct command *ret)
{
	int count = 0;
	while (arguments[count])
		count++;
	return command_of_arguments(libos, count, (char **)(uintptr_t)arguments, ret);
}

static void assert_launch(enum libos libos, const char **called, const char **argv_of_manifest,
			  const char *program, const char **expected)
{
	struct command command;
	char *copies[8] = { NULL };
	struct marblerun_parameters given = { .arguments = copies };
	for (; argv_of_manifest[given.argument_count]; given.argument_count++)
		copies[given.argument_count] = strdup(argv_of_manifest[given.argument_count]);
	const char *name;
	char **arguments;
	must(parse(libos, called, &command));
	must(command_complete(&command, &given, &name, &arguments));
	assert_string_equal(name, program);
	size_t i = 0;
	for (; expected[i]; i++)
		assert_string_equal(arguments[i], expected[i]);
	assert_null(arguments[i]);
	if (command.base_name) /* copies[0] was advanced */
		copies[0] -= strlen(argv_of_manifest[0]) - strlen(copies[0]);
	for (i = 0; i < given.argument_count; i++)
		free(copies[i]);
}
static const char *none[] = { NULL };

static void on_linux(void **state)
{
	(void)state;
	assert_launch(LIBOS_NONE, ARGUMENTS("marblerun-premain", "prog", "-x", "y"), none, "prog",
		      ARGUMENTS("prog", "-x", "y"));
	assert_launch(LIBOS_NONE, ARGUMENTS("marblerun-premain", "prog", "-x"), ARGUMENTS("./m", "--safe"),
		      "prog", ARGUMENTS("./m", "--safe"));
	assert_launch(LIBOS_NONE, ARGUMENTS("any name", "--", "-prog"), none, "-prog", ARGUMENTS("-prog"));
}

static void on_gramine(void **state)
{
	(void)state;
	assert_launch(LIBOS_GRAMINE, ARGUMENTS("hello", "from", "the host"), none, "hello",
		      ARGUMENTS("./marble"));
	assert_launch(LIBOS_GRAMINE, ARGUMENTS("/usr/bin/redis-server"), ARGUMENTS("redis", "/conf"),
		      "/usr/bin/redis-server", ARGUMENTS("redis", "/conf"));
	assert_launch(LIBOS_GRAMINE, ARGUMENTS("/bin/marblerun-premain", "prog", "x"), none, "prog",
		      ARGUMENTS("prog", "x"));
}

static void on_occlum(void **state)
{
	(void)state;
	assert_launch(LIBOS_OCCLUM, ARGUMENTS("/bin/premain-libos"), ARGUMENTS("/bin/hello", "a"),
		      "/bin/hello",
		      ARGUMENTS("hello", "a"));
	assert_launch(LIBOS_OCCLUM, ARGUMENTS("/bin/marblerun-premain", "/bin/hello"), none, "/bin/hello",
		      ARGUMENTS("/bin/hello"));
	struct command command;
	const char *name;
	char **arguments;
	must(parse(LIBOS_OCCLUM, ARGUMENTS("/bin/premain-libos"), &command));
	assert_refused(command_complete(&command, &(struct marblerun_parameters){ 0 }, &name, &arguments),
		       ERROR_INVALID, "Parameters.Argv");
}

static void wrong_usage(void **state)
{
	(void)state;
	struct command c;
	assert_refused(parse(LIBOS_NONE, ARGUMENTS("marblerun-premain"), &c), ERROR_INVALID, "no program",
		       "usage: marblerun-premain PROGRAM");
	assert_refused(parse(LIBOS_NONE, ARGUMENTS("hello"), &c), ERROR_INVALID, "no program");
	assert_refused(parse(LIBOS_NONE, ARGUMENTS("x", "--"), &c), ERROR_INVALID, "no program");
	assert_refused(parse(LIBOS_NONE, ARGUMENTS("x", ""), &c), ERROR_INVALID, "no program");
	assert_refused(parse(LIBOS_NONE, ARGUMENTS("x", "--verbose"), &c), ERROR_INVALID, "unknown option");
	assert_refused(parse(LIBOS_NONE, none, &c), ERROR_INVALID, "no program");
}

static void help_and_version(void **state)
{
	(void)state;
	struct command c;
	must(parse(LIBOS_NONE, ARGUMENTS("x", "--help"), &c));
	assert_true(c.help);
	must(parse(LIBOS_NONE, ARGUMENTS("x", "--version"), &c));
	assert_true(c.version);
	must(parse(LIBOS_NONE, ARGUMENTS("x", "program", "--help"), &c));
	assert_false(c.help);
}

static void uname_tells_the_libos(void **state)
{
	(void)state;
	assert_int_equal(libos_of_system(&(struct utsname){ .sysname = "Occlum" }), LIBOS_OCCLUM);
	struct utsname system = { .sysname = "Linux", .release = "3.10.0", .version = "1",
				  .machine = "x86_64" };
	assert_int_equal(libos_of_system(&system), LIBOS_GRAMINE);
	strcpy(system.version, "#1 SMP Debian");
	assert_int_equal(libos_of_system(&system), LIBOS_NONE);
	assert_int_equal(libos_detect(), LIBOS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_linux), cmocka_unit_test(on_gramine), cmocka_unit_test(on_occlum),
		cmocka_unit_test(wrong_usage), cmocka_unit_test(help_and_version),
		cmocka_unit_test(uname_tells_the_libos),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
