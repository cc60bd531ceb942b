/* Messages that say where. */
#include <stdarg.h>
#include <stdio.h>

#include "base/writer.h"
#include "manifest/decode.h"

struct shown shown(const char *text)
{
	struct shown s = { { 0 } };
	size_t length = strlen(text), kept = length;
	if (length > SHOWN_MAX) {
		kept = SHOWN_MAX;
		/* Messages are UTF-8: not in the middle of a character. */
		while (kept && ((unsigned char)text[kept] & 0xc0) == 0x80)
			kept--;
	}
	for (size_t i = 0; i < kept; i++)
		s.text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	if (kept < length)
		memcpy(s.text + kept, "…", sizeof "…");
	return s;
}

static void write_place(struct writer *w, const struct place *at)
{
	if (at->within) {
		write_place(w, at->within);
		write_string(w, ": ");
	}
	if (at->name)
		write_string(w, shown(at->name).text);
	else
		write_format(w, "entry %zu", at->number);
}

error *refuse_for(const struct place *at, error *cause)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	if (!at || !cause)
		return cause;
	write_place(&w, at);
	CLEANUP_FREE char *where = writer_take_string(&w);
	return error_wrap(cause, "%s", where ? where : "?");
}

static PRINTF_LIKE(3, 0) error *refuse_as(enum error_code code, const struct place *at,
					  const char *format, va_list arguments)
{
	char *text = NULL;
	if (vasprintf(&text, format, arguments) < 0)
		return error_no_memory();
	error *e = error_new(code, "%s", text);
	free(text);
	return refuse_for(at, e);
}

error *refuse(const struct place *at, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	error *e = refuse_as(ERROR_INVALID, at, format, arguments);
	va_end(arguments);
	return e;
}

error *refuse_unsupported(const struct place *at, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	error *e = refuse_as(ERROR_UNSUPPORTED, at, format, arguments);
	va_end(arguments);
	return e;
}
