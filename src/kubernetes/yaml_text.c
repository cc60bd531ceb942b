#include "kubernetes/yaml_text.h"

#include <yaml.h>

struct parse {
	yaml_parser_t parser;
	const char *what;
};

static void parser_free(struct parse *p)
{
	yaml_parser_delete(&p->parser);
}
DEFINE_CLEANUP_IN_PLACE(parser_free, struct parse)

DEFINE_CLEANUP_IN_PLACE(yaml_event_delete, yaml_event_t)

static error *refuse(const struct parse *p, yaml_mark_t at, const char *problem)
{
	return error_new(ERROR_INVALID, "%s: line %zu, column %zu: %s", p->what, at.line + 1, at.column + 1,
			 problem);
}

static error *next(struct parse *p, yaml_event_t *ret)
{
	if (yaml_parser_parse(&p->parser, ret))
		return NULL;
	if (p->parser.error == YAML_MEMORY_ERROR)
		return error_no_memory();
	const char *problem = p->parser.problem ? p->parser.problem : "no YAML";
	if (p->parser.error == YAML_READER_ERROR)
		return error_new(ERROR_INVALID, "%s: byte %zu: %s", p->what, p->parser.problem_offset, problem);
	return refuse(p, p->parser.problem_mark, problem);
}

static bool is_one_of(bytes text, const char *const *words)
{
	for (; *words; words++)
		if (bytes_equal_string(text, *words))
			return true;
	return false;
}

static const char *const null_words[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const true_words[] = { "true", "True", "TRUE", NULL };
static const char *const false_words[] = { "false", "False", "FALSE", NULL };

static bool is_integer(bytes text, json_int_t *ret)
{
	enum { DIGITS_MAX = 18 };
	bool negative = text.size && text.data[0] == '-';
	bytes digits = bytes_slice(text, negative, SIZE_MAX);
	json_int_t value = 0;
	if (!digits.size || digits.size > DIGITS_MAX || (digits.data[0] == '0' && digits.size > 1))
		return false;
	for (size_t i = 0; i < digits.size; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		value = value * 10 + (digits.data[i] - '0');
	}
	*ret = negative ? -value : value;
	return true;
}

/* What a text without quotes means. */
static json_t *plain_value(bytes text)
{
	json_int_t integer;
	if (is_one_of(text, null_words))
		return json_null();
	if (is_one_of(text, true_words))
		return json_true();
	if (is_one_of(text, false_words))
		return json_false();
	if (is_integer(text, &integer))
		return json_integer(integer);
	return json_stringn((const char *)text.data, text.size);
}

static error *scalar(const struct parse *p, const yaml_event_t *event, json_t **ret)
{
	bytes text = bytes_of(event->data.scalar.value, event->data.scalar.length);
	if (event->data.scalar.tag)
		return refuse(p, event->start_mark, "tags are not supported");
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	json_t *value = plain ? plain_value(text) : json_stringn((const char *)text.data, text.size);
	TRY_ALLOC(value);
	*ret = value;
	return NULL;
}

static error *node(struct parse *p, const yaml_event_t *event, int depth, json_t **ret);

static error *sequence(struct parse *p, int depth, json_t **ret)
{
	CLEANUP_JSON json_t *list = json_array();
	TRY_ALLOC(list);
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		json_t *item;
		TRY(next(p, &event));
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		TRY(node(p, &event, depth, &item));
		if (json_array_append_new(list, item) != 0)
			return error_no_memory();
	}
	*ret = TAKE(list);
	return NULL;
}

/* The value behind the name that was just read. */
static error *member(struct parse *p, const yaml_event_t *name, int depth, json_t *object)
{
	CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
	json_t *value;
	const char *text = (const char *)name->data.scalar.value;
	if (name->type != YAML_SCALAR_EVENT || strlen(text) != name->data.scalar.length)
		return refuse(p, name->start_mark, "a name is expected");
	if (name->data.scalar.tag)
		return refuse(p, name->start_mark, "tags are not supported");
	if (json_object_get(object, text))
		return refuse(p, name->start_mark, "the same name a second time");
	TRY(next(p, &event));
	TRY(node(p, &event, depth, &value));
	return json_object_set_new(object, text, value) == 0 ? NULL : error_no_memory();
}

static error *mapping(struct parse *p, int depth, json_t **ret)
{
	CLEANUP_JSON json_t *object = json_object();
	TRY_ALLOC(object);
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		TRY(next(p, &event));
		if (event.type == YAML_MAPPING_END_EVENT)
			break;
		TRY(member(p, &event, depth, object));
	}
	*ret = TAKE(object);
	return NULL;
}

static error *node(struct parse *p, const yaml_event_t *event, int depth, json_t **ret)
{
	if (depth == YAML_DEPTH_MAX && event->type != YAML_SCALAR_EVENT)
		return refuse(p, event->start_mark, "nested too deep");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return scalar(p, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.tag)
			return refuse(p, event->start_mark, "tags are not supported");
		return sequence(p, depth + 1, ret);
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.tag)
			return refuse(p, event->start_mark, "tags are not supported");
		return mapping(p, depth + 1, ret);
	case YAML_ALIAS_EVENT:
		return refuse(p, event->start_mark, "aliases are not supported");
	default:
		return refuse(p, event->start_mark, "a value is expected");
	}
}

/* The next event that is no frame around documents. */
static error *next_content(struct parse *p, yaml_event_t *ret)
{
	for (;;) {
		TRY(next(p, ret));
		if (ret->type != YAML_STREAM_START_EVENT && ret->type != YAML_DOCUMENT_START_EVENT &&
		    ret->type != YAML_DOCUMENT_END_EVENT)
			return NULL;
		yaml_event_delete(ret);
	}
}

error *yaml_parse(bytes text, const char *what, json_t **ret)
{
	CLEANUP(parser_free) struct parse p = { .what = what };
	CLEANUP(yaml_event_delete) yaml_event_t first = { 0 };
	CLEANUP(yaml_event_delete) yaml_event_t end = { 0 };
	CLEANUP_JSON json_t *value = NULL;
	if (!yaml_parser_initialize(&p.parser))
		return error_no_memory();
	yaml_parser_set_input_string(&p.parser, text.data ? text.data : (const uint8_t *)"", text.size);
	TRY(next_content(&p, &first));
	if (first.type == YAML_STREAM_END_EVENT) {
		*ret = json_null();
		return NULL;
	}
	TRY(node(&p, &first, 0, &value));
	TRY(next_content(&p, &end));
	if (end.type != YAML_STREAM_END_EVENT)
		return refuse(&p, end.start_mark, "a second document, where one is expected");
	*ret = TAKE(value);
	return NULL;
}

/* Writing */

static int take_output(void *argument, unsigned char *data, size_t size)
{
	struct writer *w = argument;
	write_bytes(w, bytes_of(data, size));
	return !w->failed && !w->too_large;
}

static bool emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	return yaml_emitter_emit(emitter, event);
}

/* Would a reader, of YAML 1.1 or 1.2, take this for a text without quotes? A letter in front, and no word
 * that means something. */
static bool is_plain(bytes text)
{
	static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan",
					     "inf", NULL };
	char lower[8] = "";
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (i == 0 && c == '/');
		bool inner = (c >= '0' && c <= '9') || strchr("._-/", c);
		if (!letter && (i == 0 || !inner))
			return false;
		if (i < sizeof lower - 1)
			lower[i] = (char)(c | 0x20);
	}
	return text.size && !(text.size < sizeof lower && is_one_of(bytes_of_string(lower), words));
}

static bool emit_scalar(yaml_emitter_t *emitter, bytes text, bool as_text)
{
	yaml_event_t event;
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
	if (as_text && !is_plain(text))
		style = memchr(text.data, '\n', text.size) ? YAML_LITERAL_SCALAR_STYLE
							   : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text.data, (int)text.size, 1, 1,
					    style) && emit(emitter, &event);
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *value);

static bool emit_array(yaml_emitter_t *emitter, const json_t *array)
{
	yaml_event_t event;
	bool good = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE) &&
		    emit(emitter, &event);
	for (size_t i = 0; good && i < json_array_size(array); i++)
		good = emit_value(emitter, json_array_get(array, i));
	return good && yaml_sequence_end_event_initialize(&event) && emit(emitter, &event);
}

static bool emit_object(yaml_emitter_t *emitter, json_t *object)
{
	yaml_event_t event;
	const char *name;
	json_t *value;
	bool good = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) &&
		    emit(emitter, &event);
	json_object_foreach(object, name, value)
		good = good && emit_scalar(emitter, bytes_of_string(name), true) && emit_value(emitter, value);
	return good && yaml_mapping_end_event_initialize(&event) && emit(emitter, &event);
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *value)
{
	char number[32];
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return emit_object(emitter, (json_t *)(uintptr_t)value);
	case JSON_ARRAY:
		return emit_array(emitter, value);
	case JSON_STRING:
		return emit_scalar(emitter, json_bytes(value), true);
	case JSON_TRUE:
		return emit_scalar(emitter, bytes_of_string("true"), false);
	case JSON_FALSE:
		return emit_scalar(emitter, bytes_of_string("false"), false);
	case JSON_NULL:
		return emit_scalar(emitter, bytes_of_string("null"), false);
	case JSON_INTEGER:
	case JSON_REAL:
		break;
	}
	snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
	return emit_scalar(emitter, bytes_of_string(number), false);
}

static bool emit_document(yaml_emitter_t *emitter, const json_t *value)
{
	yaml_event_t event;
	return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && emit(emitter, &event) &&
	       yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0) && emit(emitter, &event) &&
	       emit_value(emitter, value) &&
	       yaml_document_end_event_initialize(&event, 1) && emit(emitter, &event) &&
	       yaml_stream_end_event_initialize(&event) && emit(emitter, &event);
}

error *yaml_write(struct writer *w, const json_t *value)
{
	yaml_emitter_t emitter;
	if (!yaml_emitter_initialize(&emitter))
		return error_no_memory();
	yaml_emitter_set_output(&emitter, take_output, w);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	bool good = emit_document(&emitter, value) && yaml_emitter_flush(&emitter);
	yaml_emitter_delete(&emitter);
	return good ? NULL : error_new(ERROR_INTERNAL, "writing YAML");
}
