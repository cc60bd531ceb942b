/* What people and scripts see. Results go to standard output, everything else to standard error. */
#pragma once
#include <stdio.h>
#include <sys/types.h>

#include "codec/json.h"

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* Text, coloured when the stream is a terminal and NO_COLOR is not set. */
void print_coloured(FILE *to, enum colour colour, const char *text);
/* "Error: …", "Warning: …" or just the text, on standard error, as by print_line. */
void say_error(const char *text);
void say_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void say_note(const char *format, ...) PRINTF_LIKE(1, 2);
/* A line. Control characters, which come with words of others, are shown as '?'. */
void print_line(FILE *to, const char *text);
/* "name            value" on standard output. */
void print_field(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);
/* Indented, with a line feed. */
error *print_json(const json_t *value) MUST_USE;
/* Whole content to a file, or to standard output when the path is NULL, empty or "-". */
error *deliver_bytes(const char *path, bytes content, mode_t mode) MUST_USE;
/* Lower case; a static buffer would do for one: this is for up to 64 bytes. */
struct hex_text {
	char text[129];
};
struct hex_text hex_of(bytes raw);
