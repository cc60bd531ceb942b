#include "codec/timestamp.h"

#include <stdio.h>
#include <time.h>

/* The text's rest; `failed` once it did not go on as it must. */
struct cursor {
	bytes rest;
	bool failed;
};

static bool take(struct cursor *c, char wanted)
{
	if (!c->rest.size || c->rest.data[0] != (uint8_t)wanted)
		return false;
	c->rest = bytes_slice(c->rest, 1, SIZE_MAX);
	return true;
}

static void expect(struct cursor *c, char wanted)
{
	c->failed |= !take(c, wanted);
}

static bool is_digit(const struct cursor *c)
{
	return c->rest.size && c->rest.data[0] >= '0' && c->rest.data[0] <= '9';
}

/* A number of exactly `digits` digits. */
static int number(struct cursor *c, int digits, int least, int most)
{
	int value = 0;
	for (; digits > 0 && is_digit(c); digits--) {
		value = value * 10 + (c->rest.data[0] - '0');
		c->rest = bytes_slice(c->rest, 1, SIZE_MAX);
	}
	c->failed |= digits || value < least || value > most;
	return value;
}

static void fraction(struct cursor *c)
{
	if (!take(c, '.'))
		return;
	c->failed |= !is_digit(c);
	while (is_digit(c))
		c->rest = bytes_slice(c->rest, 1, SIZE_MAX);
}

/* time-offset, as seconds to take away. */
static int offset(struct cursor *c)
{
	int sign = take(c, '+') ? 1 : take(c, '-') ? -1 : 0;
	if (!sign) {
		expect(c, 'Z');
		return 0;
	}
	int hours = number(c, 2, 0, 23);
	expect(c, ':');
	return sign * (hours * 60 + number(c, 2, 0, 59)) * 60;
}

error *timestamp_parse(bytes text, const char *what, int64_t *ret)
{
	struct cursor c = { .rest = text };
	struct tm parts = { 0 };
	parts.tm_year = number(&c, 4, 0, 9999) - 1900;
	expect(&c, '-');
	parts.tm_mon = number(&c, 2, 1, 12) - 1;
	expect(&c, '-');
	int day = parts.tm_mday = number(&c, 2, 1, 31);
	expect(&c, 'T');
	parts.tm_hour = number(&c, 2, 0, 23);
	expect(&c, ':');
	parts.tm_min = number(&c, 2, 0, 59);
	expect(&c, ':');
	parts.tm_sec = number(&c, 2, 0, 59);
	fraction(&c);
	int away = offset(&c);
	int64_t seconds = timegm(&parts);
	/* timegm makes the 2nd of March of the 30th of February. */
	if (c.failed || c.rest.size || parts.tm_mday != day)
		return error_new(ERROR_INVALID, "%s: a time like 2030-12-31T23:59:59Z expected", what);
	*ret = seconds - away;
	return NULL;
}

void write_timestamp_ms(struct writer *w, int64_t milliseconds)
{
	time_t seconds = (time_t)(milliseconds / 1000);
	struct tm parts;
	char text[32];
	gmtime_r(&seconds, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	write_format(w, "%s.%03dZ", text, (int)(milliseconds % 1000));
}
