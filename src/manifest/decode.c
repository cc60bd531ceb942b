#include "manifest/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/writer.h"

static void write_place(struct writer *w, const struct place *at)
{
	if (!at)
		return;
	write_place(w, at->above);
	write_format(w, "%s: ", at->name);
}

error *refuse(const struct place *at, const char *format, ...)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	CLEANUP_FREE char *message = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	va_end(arguments);
	write_place(&w, at);
	write_string(&w, message ? message : "");
	CLEANUP_FREE char *text = writer_take_string(&w);
	return text ? error_new(ERROR_INVALID, "%s", text) : error_no_memory();
}

static error *expect(bool fits, json_t *value, const struct place *at, const char *what)
{
	return fits ? NULL : refuse(at, "%s expected, %s found", what, json_type_name(value));
}

/* The number of single-letter edits from one name to the other, as far as 2. */
static unsigned distance(const char *a, const char *b)
{
	if (!*a || !*b)
		return (unsigned)(strnlen(a, 3) + strnlen(b, 3));
	if ((*a | 0x20) == (*b | 0x20))
		return distance(a + 1, b + 1);
	static _Thread_local unsigned depth;
	if (depth == 2)
		return 3;
	depth++;
	unsigned best = distance(a + 1, b + 1), left = distance(a + 1, b), right = distance(a, b + 1);
	depth--;
	best = left < best ? left : best;
	return 1 + (right < best ? right : best);
}

static error *refuse_unknown(const char *name, const struct place *at,
			     const struct property *properties, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(name) < 64 && distance(name, properties[i].name) <= 2)
			return refuse(at, "unknown property \"%s\"; did you mean \"%s\"?", name,
				      properties[i].name);
	return refuse(at, "unknown property \"%.100s\"; known are %s%s%s …", name, properties[0].name,
		      count > 1 ? ", " : "", count > 1 ? properties[1].name : "");
}

static bool is_comment(const char *name)
{
	return name[0] == '_' || name[0] == '$' || (name[0] == '/' && name[1] == '/');
}

error *decode_object(json_t *object, const struct place *at, const struct property *properties,
		     size_t count, struct arena *arena, void *to)
{
	const char *name;
	json_t *value;
	uint64_t seen = 0;
	TRY(expect(json_is_object(object), object, at, "object"));
	json_object_foreach(object, name, value) {
		size_t i = 0;
		while (i < count && strcasecmp(name, properties[i].name) != 0)
			i++;
		if (i == count && !is_comment(name))
			return refuse_unknown(name, at, properties, count);
		if (i == count)
			continue;
		if (seen >> i & 1)
			return refuse(at, "\"%s\" is given twice, in different spelling", properties[i].name);
		seen |= (uint64_t)1 << i;
		struct place here = { at, properties[i].name };
		if (!json_is_null(value))
			TRY(properties[i].decode(value, &here, arena, to));
	}
	return NULL;
}

error *decode_string(json_t *value, const struct place *at, struct arena *arena, const char **ret)
{
	TRY(expect(json_is_string(value), value, at, "string"));
	bytes text = json_bytes(value);
	if (text.size && memchr(text.data, 0, text.size))
		return refuse(at, "a string without NUL is expected");
	const char *copy = arena_string(arena, text);
	TRY_ALLOC(copy);
	*ret = copy;
	return NULL;
}

error *decode_unsigned(json_t *value, const struct place *at, uint64_t most, uint64_t *ret)
{
	TRY(expect(json_is_integer(value), value, at, "integer"));
	json_int_t number = json_integer_value(value);
	if (number < 0 || (uint64_t)number > most)
		return refuse(at, "%lld is out of range; 0 to %llu is expected", (long long)number,
			      (unsigned long long)most);
	*ret = (uint64_t)number;
	return NULL;
}

error *decode_bool(json_t *value, const struct place *at, bool *ret)
{
	TRY(expect(json_is_boolean(value), value, at, "true or false"));
	*ret = json_is_true(value);
	return NULL;
}

error *decode_strings(json_t *value, const struct place *at, struct arena *arena, struct string_list *ret)
{
	TRY(expect(json_is_array(value), value, at, "array of strings"));
	size_t count = json_array_size(value);
	const char **items = arena_alloc(arena, count, sizeof *items);
	TRY_ALLOC(items);
	for (size_t i = 0; i < count; i++)
		TRY(decode_string(json_array_get(value, i), at, arena, &items[i]));
	*ret = (struct string_list){ items, count };
	return NULL;
}

enum { NAME_MAX_BYTES = 253 };

/* Names go into logs, messages, certificates and the store. */
static error *check_name(const char *name, const struct place *at)
{
	if (!*name || strlen(name) > NAME_MAX_BYTES)
		return refuse(at, "a name of 1 to %d bytes is expected, \"%.20s…\" has %zu", NAME_MAX_BYTES,
			      name, strlen(name));
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return refuse(at, "a name without control characters is expected");
	return NULL;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

error *decode_entries(json_t *object, const struct place *at, const struct entry_kind *kind,
		      struct arena *arena, void **ret, size_t *ret_count)
{
	const char *name;
	json_t *value;
	size_t count = 0;
	TRY(expect(json_is_object(object), object, at, "object"));
	uint8_t *entries = arena_alloc(arena, json_object_size(object), kind->size);
	TRY_ALLOC(entries);
	json_object_foreach(object, name, value) {
		void *entry = entries + count++ * kind->size;
		struct place here = { at, name };
		TRY(check_name(name, at));
		char *copy = arena_string(arena, bytes_of_string(name));
		TRY_ALLOC(copy);
		memcpy(entry, &copy, sizeof copy);
		TRY(kind->decode(value, &here, arena, entry));
	}
	qsort(entries, count, kind->size, compare_entries);
	*ret = entries;
	*ret_count = count;
	return NULL;
}

error *decode_array(json_t *value, const struct place *at, const struct entry_kind *kind,
		    struct arena *arena, void **ret, size_t *ret_count)
{
	TRY(expect(json_is_array(value), value, at, "array"));
	size_t count = json_array_size(value);
	uint8_t *entries = arena_alloc(arena, count, kind->size);
	TRY_ALLOC(entries);
	for (size_t i = 0; i < count; i++)
		TRY(kind->decode(json_array_get(value, i), at, arena, entries + i * kind->size));
	*ret = entries;
	*ret_count = count;
	return NULL;
}
