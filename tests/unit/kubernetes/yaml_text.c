#include "testing.h"

#include "kubernetes/yaml_text.h"

static void assert_means(const char *yaml, const char *json)
{
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	must(yaml_parse(bytes_of_string(yaml), "text", &value));
	must(json_print(value, JSON_COMPACT, &text));
	assert_string_equal(text.data, json);
}

static void reads_what_people_write(void **state)
{
	(void)state;
	assert_means("", "null");
	assert_means("# only a comment\n", "null");
	assert_means("---\na: b\n...\n", "{\"a\":\"b\"}");
	assert_means("a: [1, -2, 007, 1.5, 0x10]", "{\"a\":[1,-2,\"007\",\"1.5\",\"0x10\"]}");
	assert_means("a: [true, False, ~, null, yes]\nb:", "{\"a\":[true,false,null,null,\"yes\"],\"b\":null}");
	assert_means("a: \"true\"\nb: '1'\nc: ''", "{\"a\":\"true\",\"b\":\"1\",\"c\":\"\"}");
	assert_means("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
	assert_means("{\"json\": {\"is\": [\"yaml\"]}}", "{\"json\":{\"is\":[\"yaml\"]}}");
	assert_means("- a:\n  - b: c\n", "[{\"a\":[{\"b\":\"c\"}]}]");
	assert_means("a: 999999999999999999999", "{\"a\":\"999999999999999999999\"}");
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "a: b\na: c", "line 2, column 1: the same name" },
		{ "a: &x 1\nb: *x", "line 2, column 4: aliases" },
		{ "a: !!int 1", "line 1, column 4: tags" },
		{ "a: !!map {}", "tags" },
		{ "a: !!seq []", "tags" },
		{ "? [a]\n: b", "a name is expected" },
		{ "a: b\n---\nc: d", "a second document" },
		{ "a: [b", "text: line" },
		{ "\"a\\0b\": c", "a name is expected" },
		{ "a: \xff", "text: byte 3" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *value = NULL;
		assert_refused(yaml_parse(bytes_of_string(cases[i].text), "text", &value), ERROR_INVALID,
			       cases[i].says);
		assert_null(value);
	}
}

static void depth_is_limited(void **state)
{
	(void)state;
	char text[2 * YAML_DEPTH_MAX + 8];
	json_t *value;
	for (int depth = YAML_DEPTH_MAX; depth <= YAML_DEPTH_MAX + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = 0;
		error *e = yaml_parse(bytes_of_string(text), "text", &value);
		if (depth > YAML_DEPTH_MAX) {
			assert_refused(e, ERROR_INVALID, "nested too deep");
			break;
		}
		must(e);
		json_decref(value);
	}
}

/* Whatever is written reads as the same value, types included. */
static void comes_back(void **state)
{
	(void)state;
	static const char *const values[] = {
		"{\"a\":\"true\",\"b\":true,\"c\":\"1\",\"d\":1,\"e\":\"null\",\"f\":null,\"g\":\"\",\"h\":\"no\"}",
		"{\"a\":\" x\",\"b\":\"x \",\"c\":\"x: y\",\"d\":\"# x\",\"e\":\"- x\",\"f\":\"x #y\",\"g\":\"~\"}",
		"{\"a\":\"x\\ny\\n\",\"b\":\"\\n\",\"c\":\"x\\n\\n\","
		"\"d\":\"  x\\ny\",\"e\":\"\\tx\\r\\n\",\"f\":\"\\u00e4\"}",
		"{\"a\":[],\"b\":{},\"c\":[[]],\"d\":[{}],"
		"\"e\":\"1e3\",\"f\":\"0x1\",\"g\":\"2001-01-01\",\"h\":\"=\"}",
		"{\"yes\":\"y\",\"1\":\"on\",\"a b\":\"c\",\"*\":\"&\",\"!\":\"%\",\"@\":\"`\",\"\":\"\\u0001\"}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		CLEANUP_JSON json_t *value = NULL;
		CLEANUP_JSON json_t *back = NULL;
		CLEANUP(writer_free) struct writer w = { 0 };
		must(json_parse(bytes_of_string(values[i]), "value", &value));
		must(yaml_write(&w, value));
		must(yaml_parse(writer_view(&w), "text", &back));
		if (!json_equal(value, back))
			fail_msg("%.*s", (int)w.size, (const char *)w.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_people_write),
		cmocka_unit_test(refuses),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
