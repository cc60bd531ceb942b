#include "../marble/testing.h"

#include <sys/wait.h>

#include "premain/program.h"

static struct program open_it(const char *name, const char *search)
{
	struct program program;
	must(program_open(LIBOS_NONE, name, search, &program));
	return program;
}

/* Exit status of the executed program. */
static int status_of(const struct program *program)
{
	char *arguments[] = { (char[]){ "zero" }, NULL }, *environment[] = { NULL };
	pid_t child = fork();
	if (child == 0) {
		error_free(program_execute(program, arguments, environment));
		_exit(99);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void found_as_execvp_does(void **state)
{
	(void)state;
	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(mkdir("b", 0700), 0);
	assert_int_equal(mkdir("a/prog", 0700), 0);
	put("b/prog", "#!/bin/sh\nexit 5\n", 0700);
	put("here", "#!/bin/sh\nexit 6\n", 0700);
	CLEANUP(program_close) struct program program = open_it("prog", "nowhere:b/prog:a:b");
	assert_string_equal(program.path, "b/prog");
	assert_int_equal(status_of(&program), 5);
	CLEANUP(program_close) struct program here = open_it("here", "nowhere::a");
	assert_int_equal(status_of(&here), 6);
	CLEANUP(program_close) struct program path = open_it("./here", NULL);
	assert_int_equal(status_of(&path), 6);
	CLEANUP(program_close) struct program shell = open_it("true", NULL);
	assert_int_equal(status_of(&shell), 0);
	assert_true(fcntl(shell.descriptor, F_GETFD) & FD_CLOEXEC);
}

static void what_can_not_be_found(void **state)
{
	(void)state;
	struct program program;
	put("plain", "text", 0600);
	assert_refused(program_open(LIBOS_NONE, "nothing", "/bin", &program), ERROR_NOT_FOUND,
		       "nothing is in no folder of PATH");
	assert_refused(program_open(LIBOS_NONE, "./nothing", "/bin", &program), ERROR_NOT_FOUND,
		       "./nothing");
	assert_refused(program_open(LIBOS_NONE, "plain", "", &program), ERROR_DENIED,
		       "plain can't be executed");
	assert_refused(program_open(LIBOS_NONE, "./plain", "", &program), ERROR_DENIED, "./plain");
	assert_refused(program_open(LIBOS_NONE, "/tmp", "", &program), ERROR_DENIED, "/tmp");
}

/* In a LibOS the name is a path for exec, without a search. */
static void in_a_libos(void **state)
{
	(void)state;
	CLEANUP(program_close) struct program program = { .descriptor = -1 };
	assert_refused(program_open(LIBOS_GRAMINE, "true", "/bin", &program), ERROR_NOT_FOUND, "true");
	put("hello", "#!/bin/sh\nexit 7\n", 0700);
	must(program_open(LIBOS_GRAMINE, "hello", NULL, &program));
	assert_true(program.by_path);
	assert_int_equal(status_of(&program), 7);
}

/* What was opened is what is measured and run, whatever lies at the path by then. */
static void another_file_in_its_place_gains_nothing(void **state)
{
	(void)state;
	put("prog", "#!/bin/sh\nexit 3\n", 0700);
	CLEANUP(program_close) struct program program = open_it("./prog", NULL);
	put("prog", "#!/bin/sh\nexit 66\n", 0700);
	assert_content(program.opened, "#!/bin/sh\nexit 3\n");
	assert_int_equal(status_of(&program), 3);
}

static void why_it_can_not_be_executed(void **state)
{
	(void)state;
	char *arguments[] = { (char[]){ "zero" }, NULL }, *environment[] = { NULL };
	put("no-interpreter", "#!/nowhere\n", 0700);
	put("nonsense", "no program", 0700);
	CLEANUP(program_close) struct program one = open_it("./no-interpreter", NULL);
	assert_refused(program_execute(&one, arguments, environment), ERROR_NOT_FOUND,
		       "interpreter is missing");
	CLEANUP(program_close) struct program other = open_it("./nonsense", NULL);
	assert_refused(program_execute(&other, arguments, environment), ERROR_DENIED, "./nonsense",
		       "Exec format error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(found_as_execvp_does), in_folder(what_can_not_be_found), in_folder(in_a_libos),
		in_folder(another_file_in_its_place_gains_nothing), in_folder(why_it_can_not_be_executed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
