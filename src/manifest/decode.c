#include "manifest/decode.h"

#include <strings.h>

#include "base/nearest.h"
#include "base/writer.h"

/* Entries of one object or array. A manifest of MANIFEST_SIZE_MAX bytes could hold millions. */
enum { ENTRIES_MAX = 100000 };

error *expect_type(bool fits, const json_t *value, const struct place *at, const char *expected)
{
	return fits ? NULL : refuse(at, "%s expected, %s found", expected, json_type_name(value));
}

static error *expect_count(size_t count, const struct place *at)
{
	if (count > ENTRIES_MAX)
		return refuse(at, "%zu entries: at most %d expected", count, ENTRIES_MAX);
	return NULL;
}

error *decode_nothing(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)value, (void)at, (void)arena, (void)to;
	return NULL;
}

error *decode_string(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	TRY(expect_type(json_is_string(value), value, at, "string"));
	bytes text = json_bytes(value);
	if (text.size != strlen(json_string_value(value)))
		return refuse(at, "a string without NUL expected");
	const char *copy = arena_string(arena, text);
	TRY_ALLOC(copy);
	*(const char **)to = copy;
	return NULL;
}

error *decode_strings(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	TRY(expect_type(json_is_array(value), value, at, "array of strings"));
	size_t count = json_array_size(value);
	TRY(expect_count(count, at));
	const char **items = arena_alloc(arena, count, sizeof *items);
	TRY_ALLOC(items);
	for (size_t i = 0; i < count; i++) {
		struct place here = { at, NULL, i + 1 };
		TRY(decode_string(json_array_get(value, i), &here, arena, &items[i]));
	}
	*(struct string_list *)to = (struct string_list){ items, count };
	return NULL;
}

/* Go's uint takes twice as much; jansson refuses that as a syntax error. Nothing here needs it. */
error *decode_unsigned(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)arena;
	TRY(expect_type(json_is_integer(value), value, at, "integer"));
	json_int_t number = json_integer_value(value);
	if (number < 0)
		return refuse(at, "%" JSON_INTEGER_FORMAT ": an integer from 0 expected", number);
	*(uint64_t *)to = (uint64_t)number;
	return NULL;
}

error *decode_boolean(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)arena;
	TRY(expect_type(json_is_boolean(value), value, at, "boolean"));
	*(bool *)to = json_is_true(value);
	return NULL;
}

/* ---- words ---- */

/* "A, B or C" */
static void write_choices(struct writer *w, const struct choice *choices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		write_format(w, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", choices[i].name);
}

error *decode_choice(const json_t *value, const struct place *at, const struct choice *choices,
		     size_t count, enum spelling spelling, unsigned *ret)
{
	CLEANUP(writer_free) struct writer known = { 0 };
	TRY(expect_type(json_is_string(value), value, at, "string"));
	const char *word = json_string_value(value);
	for (size_t i = 0; i < count && json_string_length(value) == strlen(word); i++) {
		if ((spelling == SPELLING_EXACT ? strcmp : strcasecmp)(word, choices[i].name) == 0) {
			*ret = choices[i].value;
			return NULL;
		}
	}
	write_choices(&known, choices, count);
	CLEANUP_FREE char *words = writer_take_string(&known);
	TRY_ALLOC(words);
	return refuse(at, "\"%s\" is unknown: %s expected", shown(word).text, words);
}

error *decode_choices(const json_t *value, const struct place *at, const struct choice *choices,
		      size_t count, enum spelling spelling, unsigned *ret)
{
	unsigned set = 0, one;
	TRY(expect_type(json_is_array(value), value, at, "array of strings"));
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct place here = { at, NULL, i + 1 };
		TRY(decode_choice(json_array_get(value, i), &here, choices, count, spelling, &one));
		set |= one;
	}
	*ret = set;
	return NULL;
}

/* ---- objects ---- */

static error *refuse_unknown(const char *name, const struct place *at,
			     const struct property *properties, size_t count)
{
	struct nearest nearest = { .typed = name, .size = strlen(name) };
	for (size_t i = 0; i < count; i++)
		nearest_try(&nearest, properties[i].name, strlen(properties[i].name));
	if (nearest_found(&nearest))
		return refuse(at, "\"%s\" is no known property: did you mean %s?", shown(name).text, nearest.name);
	CLEANUP(writer_free) struct writer w = { 0 };
	for (size_t i = 0; i < count; i++)
		if (properties[i].decode != decode_nothing)
			write_format(&w, "%s%s", w.size ? ", " : "", properties[i].name);
	CLEANUP_FREE char *known = writer_take_string(&w);
	TRY_ALLOC(known);
	return refuse(at, "\"%s\" is no known property: %s are", shown(name).text, known);
}

static bool is_comment(const char *name)
{
	return name[0] == '_' || name[0] == '$' || (name[0] == '/' && name[1] == '/');
}

static error *decode_entries(json_t *value, const struct place *at, const struct entry_kind *kind,
			     struct arena *arena, void **ret, size_t *ret_count);

static error *decode_property(const struct property *p, json_t *value, const struct place *at,
			      struct arena *arena, uint8_t *object)
{
	struct place here = { at, p->name, 0 };
	if (json_is_null(value))
		return NULL;
	if (!p->entries)
		return p->decode(value, &here, arena, object + p->offset);
	void *entries = NULL;
	TRY(decode_entries(value, &here, p->entries, arena, &entries,
			   (size_t *)(void *)(object + p->count_offset)));
	/* The member is a pointer to some struct: no void * may be written there as such. */
	memcpy(object + p->offset, &entries, sizeof entries);
	return NULL;
}

error *decode_object(json_t *object, const struct place *at, const struct property *properties,
		     size_t count, struct arena *arena, void *to)
{
	const char *name;
	json_t *value;
	uint64_t seen = 0;
	if (json_is_null(object))
		return NULL;
	TRY(expect_type(json_is_object(object), object, at, "object"));
	json_object_foreach(object, name, value) {
		size_t i = 0;
		while (i < count && strcasecmp(name, properties[i].name) != 0)
			i++;
		if (i < count && seen >> i & 1)
			return refuse(at, "%s is given twice, in different spelling", properties[i].name);
		if (i < count)
			TRY(decode_property(&properties[i], value, at, arena, to));
		else if (!is_comment(name))
			return refuse_unknown(name, at, properties, count);
		seen |= i < count ? (uint64_t)1 << i : 0;
	}
	return NULL;
}

/* ---- entries ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static error *decode_named(json_t *value, const struct place *at, const struct entry_kind *kind,
			   struct arena *arena, uint8_t *entry)
{
	json_t *member;
	const char *name;
	TRY(expect_type(json_is_object(value), value, at, "object"));
	json_object_foreach(value, name, member) {
		struct place here = { at, name, 0 };
		TRY(kind->check_name(name, at));
		const char *copy = arena_string(arena, bytes_of_string(name));
		TRY_ALLOC(copy);
		*(const char **)(void *)entry = copy;
		TRY(kind->decode(member, &here, arena, entry));
		entry += kind->size;
	}
	return NULL;
}

static error *decode_nameless(json_t *value, const struct place *at, const struct entry_kind *kind,
			      struct arena *arena, uint8_t *entry)
{
	TRY(expect_type(json_is_array(value), value, at, "array"));
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct place here = { at, NULL, i + 1 };
		TRY(kind->decode(json_array_get(value, i), &here, arena, entry + i * kind->size));
	}
	return NULL;
}

static error *decode_entries(json_t *value, const struct place *at, const struct entry_kind *kind,
			     struct arena *arena, void **ret, size_t *ret_count)
{
	bool named = kind->check_name;
	size_t count = named ? json_object_size(value) : json_array_size(value);
	TRY(expect_count(count, at));
	uint8_t *entries = arena_alloc(arena, count, kind->size);
	TRY_ALLOC(entries);
	TRY((named ? decode_named : decode_nameless)(value, at, kind, arena, entries));
	if (named && count)
		qsort(entries, count, kind->size, compare_names);
	*ret = entries;
	*ret_count = count;
	return NULL;
}
