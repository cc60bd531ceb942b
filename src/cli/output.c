#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/writer.h"

static bool may_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
	return isatty(fileno(to)) && !(no && *no) && !(terminal && strcmp(terminal, "dumb") == 0);
}

void print_coloured(FILE *to, enum colour colour, const char *text)
{
	static const char *const codes[] = { "", "\033[31m", "\033[32m", "\033[33m" };
	bool colours = colour != COLOUR_NONE && may_colour(to);
	fprintf(to, "%s%s%s", colours ? codes[colour] : "", text, colours ? "\033[0m" : "");
}

void print_line(FILE *to, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];
		bool shown = (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
		/* U+0080 to U+009F are control characters, too (ISO 6429). */
		bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
		text += c1;
		putc(shown && !c1 ? c : '?', to);
	}
	putc('\n', to);
}

void say_error(const char *text)
{
	print_coloured(stderr, COLOUR_RED, "Error: ");
	print_line(stderr, text);
}

static void print_formatted(const char *format, va_list arguments)
{
	char *text = NULL;
	if (vasprintf(&text, format, arguments) < 0)
		return;
	print_line(stderr, text);
	free(text);
}

void say_warning(const char *format, ...)
{
	va_list arguments;
	print_coloured(stderr, COLOUR_YELLOW, "Warning: ");
	va_start(arguments, format);
	print_formatted(format, arguments);
	va_end(arguments);
}

void say_note(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_formatted(format, arguments);
	va_end(arguments);
}

void print_field(const char *name, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	printf("%-16s ", name);
	print_line(stdout, text);
	free(text);
}

error *print_json(const json_t *value)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(json_print(value, JSON_INDENT(2), &text));
	printf("%.*s\n", (int)text.size, (const char *)text.data);
	return NULL;
}

error *deliver_bytes(const char *path, bytes content, mode_t mode)
{
	if (path && *path && strcmp(path, "-") != 0)
		return file_replace(path, content, mode);
	fwrite(content.data, 1, content.size, stdout);
	return NULL;
}

struct hex_text hex_of(bytes raw)
{
	struct hex_text hex = { "" };
	for (size_t i = 0; i < raw.size && 2 * i + 2 < sizeof hex.text; i++)
		snprintf(hex.text + 2 * i, 3, "%02x", raw.data[i]);
	return hex;
}
