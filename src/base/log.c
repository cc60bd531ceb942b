#include "base/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"
#include "base/writer.h"

/* A line is a single write, so that threads do not mix theirs; longer values are cut. */
enum { LOG_VALUE_MAX = 4096 };

static enum log_format log_format = LOG_TEXT;
static enum log_level log_least = LOG_INFO_LEVEL;

void log_setup(enum log_format format, enum log_level least)
{
	log_format = format;
	log_least = least;
}

bool log_enabled(enum log_level level)
{
	return level >= log_least;
}

static const char *const level_names[] = { "debug", "info", "warning", "error" };

/* Characters that begin a line, steer a terminal, or change the order in which others are shown. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* A JSON string; also how values are quoted in text, so that no value can forge a line. */
static void write_quoted(struct writer *w, const char *text)
{
	bytes rest = bytes_slice(bytes_of_string(text), 0, LOG_VALUE_MAX);
	size_t size;
	write_u8(w, '"');
	for (; rest.size; rest = bytes_slice(rest, size, SIZE_MAX)) {
		uint32_t c = utf8_decode(rest, &size);
		if (c == '"' || c == '\\')
			write_u8(w, '\\');
		if (c == '\n')
			write_string(w, "\\n");
		else if (is_control(c))
			write_format(w, "\\u%04x", (unsigned)c);
		else
			write_utf8(w, c);
	}
	write_u8(w, '"');
}

static void write_time(struct writer *w)
{
	struct timespec now;
	struct tm parts;
	char text[32];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	write_format(w, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

static void write_line(struct writer *w, enum log_level level, const char *event,
		       const struct log_field *fields)
{
	bool json = log_format == LOG_JSON;
	write_string(w, json ? "{\"time\":\"" : "");
	write_time(w);
	write_format(w, json ? "\",\"level\":\"%s\",\"event\":" : " %s ", level_names[level]);
	if (json)
		write_quoted(w, event);
	else
		write_string(w, event);
	for (; fields->name; fields++) {
		write_format(w, json ? ",\"%s\":" : " %s=", fields->name);
		if (fields->text)
			write_quoted(w, fields->text);
		else
			write_format(w, "%lld", (long long)fields->number);
	}
	write_string(w, json ? "}\n" : "\n");
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
	if (!log_enabled(level))
		return;
	CLEANUP(writer_free) struct writer line = { 0 };
	write_line(&line, level, event, fields);
	bytes text = writer_view(&line);
	if (write(STDERR_FILENO, text.data, text.size) < 0)
		return; /* nowhere left to complain */
}
