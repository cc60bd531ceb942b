#include "coordinator/uuid.h"

#include <ctype.h>
#include <strings.h>

/* Strips "urn:uuid:" or braces. */
static bytes bare(bytes text)
{
	static const char prefix[] = "urn:uuid:";
	if (text.size == 45 && strncasecmp((const char *)text.data, prefix, 9) == 0)
		return bytes_slice(text, 9, 36);
	if (text.size == 38 && text.data[0] == '{' && text.data[37] == '}')
		return bytes_slice(text, 1, 36);
	return text;
}

static error *refuse(bytes text)
{
	return error_new(ERROR_INVALID,
			 "invalid UUID of %zu bytes: 32 hexadecimal digits in the form "
			 "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx are expected", text.size);
}

error *uuid_parse(bytes text, char ret[37])
{
	static const size_t dashes[] = { 8, 13, 18, 23 };
	char canonical[37] = { 0 };
	bytes digits = bare(text);
	bool dashed = digits.size == 36, all_zero = true;
	if (!dashed && digits.size != 32)
		return refuse(text);
	for (size_t from = 0, to = 0, dash = 0; to < 36; to++) {
		if (dash < 4 && to == dashes[dash]) {
			if (dashed && digits.data[from++] != '-')
				return refuse(text);
			canonical[to] = '-';
			dash++;
			continue;
		}
		unsigned char c = digits.data[from++];
		if (!isxdigit(c))
			return refuse(text);
		all_zero = all_zero && c == '0';
		canonical[to] = (char)tolower(c);
	}
	if (all_zero)
		return error_new(ERROR_INVALID, "invalid UUID: the nil UUID names no marble");
	memcpy(ret, canonical, sizeof canonical);
	return NULL;
}
