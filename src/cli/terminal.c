#include "cli/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

const char *paint(FILE *to, enum paint_colour colour, const char *text)
{
	static _Thread_local char painted[256];
	const char *no_colour = getenv("NO_COLOR");
	if (!isatty(fileno(to)) || (no_colour && *no_colour))
		return text;
	snprintf(painted, sizeof painted, "\033[%dm%s\033[0m", (int)colour, text);
	return painted;
}

void warn(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s ", paint(stderr, PAINT_YELLOW, "Warning:"));
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}
