#include "codec/json_walk.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct json_walk *w)
{
	while (w->rest.size && is_blank(w->rest.data[0]))
		w->rest = bytes_slice(w->rest, 1, SIZE_MAX);
}

/* The next byte that is no blank; 0 at the end of the text. */
static uint8_t next_byte(struct json_walk *w)
{
	skip_blanks(w);
	return w->rest.size ? w->rest.data[0] : 0;
}

static bool take(struct json_walk *w, uint8_t wanted)
{
	if (next_byte(w) != wanted)
		return false;
	w->rest = bytes_slice(w->rest, 1, SIZE_MAX);
	return true;
}

static error *malformed(const struct json_walk *w)
{
	return error_new(ERROR_INVALID, "%s: no well-formed JSON %s", w->what, w->end == '}' ? "object" : "array");
}

/* Bytes up to where the brackets close or the string ends; 0 when they don't. */
static size_t nested_size(bytes text)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (in_string && c == '\\') {
			i++;
			continue;
		}
		if (c == '"')
			in_string = !in_string;
		else if (!in_string)
			depth = depth + (c == '{' || c == '[') - (c == '}' || c == ']');
		if (!in_string && depth == 0)
			return i + 1;
	}
	return 0;
}

static size_t scalar_size(bytes text)
{
	size_t size = 0;
	while (size < text.size && !is_blank(text.data[size]) && text.data[size] != ',' && text.data[size] != '}' &&
	       text.data[size] != ']')
		size++;
	return size;
}

static error *take_value(struct json_walk *w, bytes *ret)
{
	uint8_t first = next_byte(w);
	bool nests = first == '"' || first == '{' || first == '[';
	size_t size = nests ? nested_size(w->rest) : scalar_size(w->rest);
	if (!size)
		return malformed(w);
	*ret = bytes_slice(w->rest, 0, size);
	w->rest = bytes_slice(w->rest, size, SIZE_MAX);
	return NULL;
}

static error *take_name(struct json_walk *w, bytes *ret)
{
	bytes quoted;
	if (next_byte(w) != '"')
		return malformed(w);
	TRY(take_value(w, &quoted));
	*ret = bytes_slice(quoted, 1, quoted.size - 2);
	if (memchr(quoted.data, '\\', quoted.size))
		return error_new(ERROR_INVALID, "%s: a name with an escape", w->what);
	return take(w, ':') ? NULL : malformed(w);
}

error *json_walk_begin(bytes text, char bracket, const char *what, struct json_walk *ret)
{
	struct json_walk w = { .rest = text, .end = bracket == '{' ? '}' : ']', .what = what };
	if (!take(&w, (uint8_t)bracket))
		return malformed(&w);
	*ret = w;
	return NULL;
}

static error *finish(struct json_walk *w, bool *ret_found)
{
	w->ended = true;
	*ret_found = false;
	skip_blanks(w);
	return w->rest.size ? malformed(w) : NULL;
}

error *json_walk_next(struct json_walk *w, bool *ret_found, bytes *ret_name, bytes *ret_value)
{
	bytes name = BYTES_EMPTY;
	if (w->ended || take(w, w->end))
		return finish(w, ret_found);
	if (w->begun && !take(w, ','))
		return malformed(w);
	w->begun = true;
	if (w->end == '}')
		TRY(take_name(w, &name));
	TRY(take_value(w, ret_value));
	*ret_name = name;
	*ret_found = true;
	return NULL;
}
