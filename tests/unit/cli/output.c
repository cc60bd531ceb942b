#include "testing.h"

#include <pty.h>

#include "cli/output.h"

/* What a call writes to a terminal or a file. */
static void capture(bool terminal, char *to, size_t size)
{
	int master = -1, slave = -1, file = -1;
	if (terminal)
		assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	else
		file = slave = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	FILE *stream = fdopen(dup(slave), "w");
	print_coloured(stream, COLOUR_RED, "text");
	fclose(stream);
	if (file >= 0)
		lseek(file, 0, SEEK_SET);
	ssize_t got = read(terminal ? master : file, to, size - 1);
	to[got > 0 ? got : 0] = 0;
	close(slave);
	if (master >= 0)
		close(master);
}

static void colour_on_a_terminal_only(void **state)
{
	(void)state;
	char text[64];
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	capture(true, text, sizeof text);
	assert_string_equal(text, "\033[31mtext\033[0m");
	capture(false, text, sizeof text);
	assert_string_equal(text, "text");
	setenv("NO_COLOR", "1", 1);
	capture(true, text, sizeof text);
	assert_string_equal(text, "text");
	setenv("NO_COLOR", "", 1); /* "not an empty string" (no-color.org) */
	capture(true, text, sizeof text);
	assert_string_equal(text, "\033[31mtext\033[0m");
	setenv("TERM", "dumb", 1);
	capture(true, text, sizeof text);
	assert_string_equal(text, "text");
}

/* A coordinator's message must not command the terminal. */
static void no_control_characters(void **state)
{
	(void)state;
	int before = dup(STDERR_FILENO);
	assert_non_null(freopen("out", "w", stderr));
	say_error("a\033[2Jb\rc\x7f\n\td\xc2\x9bg\xc3\xa9");
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	assert_content("out", "Error: a?[2Jb?c?\n\td?g\xc3\xa9\n");
}

static void hexadecimal(void **state)
{
	(void)state;
	const uint8_t raw[] = { 0, 0xab, 0xff };
	assert_string_equal(hex_of(BYTES_OF_ARRAY(raw)).text, "00abff");
	assert_string_equal(hex_of(BYTES_EMPTY).text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(colour_on_a_terminal_only), in_folder(no_control_characters),
		cmocka_unit_test(hexadecimal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
