#include "codec/json.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* jansson's own limit is far above ours and can't be set: count before it parses. */
static error *check_depth(bytes text, const char *what)
{
	size_t depth = 0, line = 1;
	bool in_string = false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		line += c == '\n';
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return error_new(ERROR_INVALID,
						 "%s: line %zu: nested more than %d levels deep",
						 what, line, JSON_DEPTH_MAX);
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return NULL;
}

/* Where jansson gets no memory, its lexer leaves out characters, its printer names of members, and both go on. So it is
 * noted when there was none: in this thread, while a text is parsed or printed. */
static json_malloc_t allocate;
static json_free_t release;
static _Thread_local bool was_short;

static void *note_and_allocate(size_t size)
{
	void *memory = allocate(size);
	was_short = was_short || !memory;
	return memory;
}

__attribute__((constructor)) static void watch_memory(void)
{
	json_get_alloc_funcs(&allocate, &release);
	json_set_alloc_funcs(note_and_allocate, release);
}

static void wipe_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void json_wipe_what_is_freed(void)
{
	json_set_alloc_funcs(note_and_allocate, wipe_and_free);
}

/* For hosts that unload us, and go on with jansson. */
__attribute__((destructor)) static void leave_memory(void)
{
	json_malloc_t now;
	json_get_alloc_funcs(&now, &release);
	if (now == note_and_allocate)
		json_set_alloc_funcs(allocate, release);
}

/* Jansson shows what stands at the place, "… near 'text'", which may be a part of a secret. */
static int without_text(const json_error_t *where)
{
	const char *near = strstr(where->text, " near '");
	return (int)(near ? (size_t)(near - where->text) : strlen(where->text));
}

error *json_parse(bytes text, const char *what, json_t **ret)
{
	json_error_t where;
	TRY(check_depth(text, what));
	was_short = false;
	json_t *value = json_loadb(text.data ? (const char *)text.data : "", text.size,
				   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
	if (was_short) {
		json_decref(value);
		return error_no_memory();
	}
	if (!value)
		return error_new(ERROR_INVALID, "%s: line %d, column %d: %.*s", what, where.line,
				 where.column, without_text(&where), where.text);
	*ret = value;
	return NULL;
}

json_t *json_member(json_t *object, const char *name)
{
	json_t *exact = json_object_get(object, name), *value;
	const char *key;
	if (exact)
		return exact;
	json_object_foreach(object, key, value)
		if (strcasecmp(key, name) == 0)
			return value;
	return NULL;
}

error *json_print(const json_t *value, size_t flags, struct blob *ret)
{
	was_short = false;
	char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
	if (was_short) {
		free(text);
		return error_no_memory();
	}
	TRY_ALLOC(text);
	*ret = (struct blob){ (uint8_t *)text, strlen(text) };
	return NULL;
}

void write_json_string(struct writer *w, bytes text)
{
	size_t done = 0;
	write_u8(w, '"');
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		write_bytes(w, bytes_slice(text, done, i - done));
		done = i + 1;
		if (c == '\n')
			write_string(w, "\\n");
		else
			write_format(w, "\\u%04x", c);
	}
	write_bytes(w, bytes_slice(text, done, SIZE_MAX));
	write_u8(w, '"');
}

bytes json_bytes(const json_t *string)
{
	if (!json_is_string(string))
		return BYTES_EMPTY;
	return bytes_of(json_string_value(string), json_string_length(string));
}

const char *json_type_name(const json_t *value)
{
	if (!value)
		return "nothing";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "array";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "integer";
	case JSON_REAL:
		return "number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "boolean";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}
