#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "codec/json.h"

static error *parse(const char *text, json_t **ret)
{
	return json_parse(bytes_of_string(text), "it", ret);
}

/* The place; the words behind it are jansson's. */
static void assert_refused(bytes text, const char *place)
{
	json_t *untouched = NULL;
	CLEANUP(error_free) error *e = json_parse(text, "it", &untouched);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_INVALID);
	if (strncmp(error_message(e), place, strlen(place)) != 0)
		fail_msg("%s expected: %s", place, error_message(e));
	assert_null(untouched);
}

static void assert_depth(size_t depth, const char *open, const char *close, bool fits)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	CLEANUP_JSON json_t *value = NULL;
	for (size_t i = 0; i < depth; i++)
		write_string(&w, open);
	write_string(&w, "1");
	for (size_t i = 0; i < depth; i++)
		write_string(&w, close);
	CLEANUP(error_free) error *e = json_parse(writer_view(&w), "it", &value);
	assert_int_equal(!e, fits);
	if (e)
		assert_string_equal(error_message(e),
				    "it: line 1: nested more than 64 levels deep");
}

static void test_depth(void **state)
{
	(void)state;
	assert_depth(JSON_DEPTH_MAX, "[", "]", true);
	assert_depth(JSON_DEPTH_MAX + 1, "[", "]", false);
	assert_depth(JSON_DEPTH_MAX, "{\"a\":", "}", true);
	assert_depth(JSON_DEPTH_MAX + 1, "{\"a\":", "}", false);
	assert_depth(200000, "[", "]", false);
}

/* Brackets in strings, and those one behind the other, are not depth. */
static void test_no_depth(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	CLEANUP_JSON json_t *value = NULL;
	write_string(&w, "[\"");
	for (size_t i = 0; i < 100; i++)
		write_string(&w, "[{\\\"[\\\\");
	write_string(&w, "\"");
	for (size_t i = 0; i < 100; i++)
		write_string(&w, ",[],{}");
	write_string(&w, "]");
	assert_null(json_parse(writer_view(&w), "it", &value));
	assert_int_equal(json_array_size(value), 201);
}

static void test_refusals(void **state)
{
	(void)state;
	assert_refused(BYTES_EMPTY, "it: line 1, column 0: ");
	assert_refused(bytes_of_string("{\"a\":1,\n\"a\":2}"), "it: line 2, column 3: ");
	assert_refused(bytes_of_string("{\"a\":1} x"), "it: line 1, column 9: ");
	assert_refused(bytes_of_string("{\"a\":1}{}"), "it: line 1, column 8: ");
	assert_refused(bytes_of_string("{\"a\""), "it: line 1, column 4: ");
	assert_refused(bytes_of_string("{\"a\":01}"), "it: line 1, column 6: ");
	assert_refused(bytes_of_string("[1,]"), "it: line 1, column 4: ");
	assert_refused(bytes_of_string("[\"\\ud800\"]"), "it: line 1, column 9: ");
	assert_refused(bytes_of_string("[\"\xff\"]"), "it: line 1, column 2: ");
	assert_refused(bytes_of("[1]\0", 4), "it: line 1, column 4: ");
	assert_refused(bytes_of_string("\xef\xbb\xbf{}"), "it: line 1, column 1: ");
	assert_refused(bytes_of_string("[99999999999999999999]"), "it: line 1, column 21: ");
}

/* What stands at the place of a mistake may be a secret. */
static void test_no_content_in_message(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"Key\": \"hunter2\" \"x\"}", "{\"Key\": \"hunter2", "{\"Key\": hunter2}",
		"{\"hunter2\":1,\"hunter2\":2}", "{\"Key\": \"hunter2\"} \"hunter2\"",
		"{\"Key\": \"hunter2\\q\"}", "{\"Key\": \"hunter2\n\"}", "\"hunter2\" near 'x'",
		"{\"Key\": \"it near 'hunter2\" 5}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *value = NULL;
		CLEANUP(error_free) error *e = parse(texts[i], &value);
		assert_non_null(e);
		assert_null(strstr(error_message(e), "hunter2"));
	}
}

static void test_any_value(void **state)
{
	(void)state;
	static const struct {
		const char *text, *type;
	} values[] = { { "{}", "object" }, { " [ ] ", "array" }, { "\"a\"", "string" },
		       { "5", "integer" }, { "5.5", "number" },	 { "true", "boolean" },
		       { "false", "boolean" }, { "null\n", "null" } };
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		CLEANUP_JSON json_t *value = NULL;
		assert_null(parse(values[i].text, &value));
		assert_string_equal(json_type_name(value), values[i].type);
	}
	assert_string_equal(json_type_name(NULL), "nothing");
}

static void test_nul(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	assert_null(parse("\"a\\u0000b\"", &value));
	assert_true(bytes_equal(json_bytes(value), bytes_of("a\0b", 3)));
	assert_null(json_print(value, 0, &text));
	assert_true(bytes_equal_string(blob_view(&text), "\"a\\u0000b\""));
	json_t *untouched = NULL;
	CLEANUP(error_free) error *e = parse("{\"a\\u0000b\":1}", &untouched);
	assert_non_null(e); /* in names it is refused */
}

static void test_member(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *value = NULL;
	assert_null(parse("{\"packages\":1,\"PACKAGES\":2,\"Marbles\":3,\"K\xc3\xa4se\":4}",
			  &value));
	assert_int_equal(json_integer_value(json_member(value, "PACKAGES")), 2);
	assert_int_equal(json_integer_value(json_member(value, "packages")), 1);
	assert_int_equal(json_integer_value(json_member(value, "marbles")), 3);
	assert_int_equal(json_integer_value(json_member(value, "k\xc3\xa4SE")), 4);
	assert_null(json_member(value, "k\xc3\x84se"));
	assert_null(json_member(value, "Marble"));
	assert_null(json_member(value, "Marbles2"));
	assert_null(json_member(value, ""));
	assert_null(json_member(NULL, "a"));
	assert_null(json_member(json_member(value, "Marbles"), "a"));
}

static void test_bytes(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *value = NULL;
	assert_null(parse("[\"\", \"abc\", 5, null]", &value));
	assert_int_equal(json_bytes(json_array_get(value, 0)).size, 0);
	assert_true(bytes_equal_string(json_bytes(json_array_get(value, 1)), "abc"));
	assert_int_equal(json_bytes(json_array_get(value, 2)).size, 0);
	assert_int_equal(json_bytes(NULL).size, 0);
}

static void test_print(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	assert_null(parse("{ \"b\" : [ 1 , -2 ] , \"a\" : \"\xc3\xa4\\n\" }", &value));
	assert_null(json_print(value, JSON_COMPACT, &text));
	assert_true(bytes_equal_string(blob_view(&text), "{\"b\":[1,-2],\"a\":\"\xc3\xa4\\n\"}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),	  cmocka_unit_test(test_no_depth),
		cmocka_unit_test(test_refusals),  cmocka_unit_test(test_no_content_in_message),
		cmocka_unit_test(test_any_value), cmocka_unit_test(test_nul),
		cmocka_unit_test(test_member),	  cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_print),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
