#include "metrics/label.h"

#include "base/utf8.h"

static void append(struct labels *to, const void *text, size_t size)
{
	if (size)
		memcpy(to->text + to->size, text, size); /* LABELS_BYTES_MAX has room for the longest */
	to->size += size;
}

/* How many bytes at the beginning, mostly all, need no look at what they mean. */
static size_t plain_size(bytes value)
{
	size_t size = 0;
	while (size < value.size && value.data[size] >= 0x20 && value.data[size] < 0x7f &&
	       value.data[size] != '"' && value.data[size] != '\\')
		size++;
	return size;
}

/* "label_value can be any sequence of UTF-8 characters, but the backslash, double-quote, and line feed
 * characters have to be escaped as \\, \", and \n" (Exposition formats, "Comments, help text, and type
 * information"). Other control characters would only steer terminals. */
static void append_value(struct labels *to, bytes value)
{
	size_t size = plain_size(value);
	append(to, value.data, size);
	value = bytes_slice(value, size, SIZE_MAX);
	for (; value.size; value = bytes_slice(value, size, SIZE_MAX)) {
		uint32_t c = utf8_decode(value, &size);
		bool broken = c == UTF8_REPLACEMENT && size == 1;
		if (c == '\n')
			append(to, "\\n", 2);
		else if (broken || c < 0x20 || c == 0x7f)
			append(to, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\')
			append(to, (const char[]){ '\\', (char)c }, 2);
		else
			append(to, value.data, size);
	}
}

void labels_print(const struct metric_definition *definition, size_t count, const bytes *values,
		  struct labels *ret)
{
	ret->size = 0;
	for (size_t i = 0; i < count; i++) {
		bool too_long = values[i].size > METRIC_LABEL_BYTES_MAX;
		if (i)
			append(ret, ",", 1);
		append(ret, definition->labels[i], strlen(definition->labels[i]));
		append(ret, "=\"", 2);
		append_value(ret, too_long ? bytes_of_string(METRIC_OTHER) : values[i]);
		append(ret, "\"", 1);
	}
}

/* FNV-1a, by words. Strangers could make it collide: the number of series bounds what they gain. */
uint64_t labels_hash(const struct labels *labels)
{
	uint64_t hash = 0xcbf29ce484222325, word;
	for (size_t i = 0; i < labels->size; i += sizeof word) {
		size_t left = labels->size - i;
		word = 0;
		memcpy(&word, labels->text + i, left < sizeof word ? left : sizeof word);
		hash = (hash ^ word) * 0x100000001b3;
		hash ^= hash >> 32;
	}
	return hash;
}
