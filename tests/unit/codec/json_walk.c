#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "codec/json.h"
#include "codec/json_walk.h"

/* "name=value;" for each member; NULL when the walk refuses. */
static const char *walked(const char *text, size_t size, char bracket)
{
	static char all[512];
	struct json_walk walk;
	bytes name, value;
	bool more = true;
	size_t used = 0;
	error *e = json_walk_begin(bytes_of(text, size), bracket, "it", &walk);
	all[0] = 0;
	while (!e && more) {
		e = json_walk_next(&walk, &more, &name, &value);
		if (!e && more)
			used += (size_t)snprintf(all + used, sizeof all - used, "%.*s=%.*s;", (int)name.size,
						 (const char *)name.data, (int)value.size, (const char *)value.data);
	}
	bool bad = e;
	error_free(e);
	return bad ? NULL : all;
}

static void members_come_as_they_stand(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} good[] = {
		{ "{}", "" },
		{ " { } \n", "" },
		{ "{\"a\":1}", "a=1;" },
		{ "{ \"a\" : \"x\\\"}\" , \"b\" : [ 1 , {\"c\":\"]\"} ] }\r\n",
		  "a=\"x\\\"}\";b=[ 1 , {\"c\":\"]\"} ];" },
		{ "{\"a\":{\"a\":{}},\"\":null}", "a={\"a\":{}};=null;" },
		{ "[]", "" },
		{ "[1,\"2\",[3],{\"4\":4}]", "=1;=\"2\";=[3];={\"4\":4};" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char bracket = good[i].text[0] == '[' ? '[' : '{';
		const char *found = walked(good[i].text, strlen(good[i].text), bracket);
		assert_non_null(found);
		assert_string_equal(found, good[i].expected);
	}
}

static void malformed_texts_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "{", "}", "[]", "{\"a\"}", "{\"a\":}", "{,}", "{\"a\":1,}", "{\"a\":1", "{\"a\":1}x", "{\"a\":1}}",
		"{\"a\" 1}", "{a:1}", "{\"a\":1 2}", "{\"a\":[1}", "{\"a\":\"1}", "{\"a\\u0062\":1}",
		"{\"a\":1,,\"b\":2}", "{\"a\":\"\\\"}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (walked(bad[i], strlen(bad[i]), '{'))
			fail_msg("%s passes", bad[i]);
	assert_null(walked("{}\0", 3, '{'));
}

/* Of all texts up to eight of these characters, what jansson takes for an object is walked to its end. */
static void agrees_with_the_parser(void **state)
{
	(void)state;
	static const char letters[] = "{}[]\":,1";
	char text[9] = "{";
	size_t objects = 0;
	for (size_t length = 0; length < 8; length++) {
		size_t count = 1;
		for (size_t i = 0; i < length; i++)
			count *= sizeof letters - 1;
		for (size_t n = 0; n < count; n++) {
			size_t rest = n;
			for (size_t i = 1; i <= length; i++, rest /= sizeof letters - 1)
				text[i] = letters[rest % (sizeof letters - 1)];
			json_t *parsed = json_loadb(text, length + 1, 0, NULL);
			const char *found = walked(text, length + 1, '{');
			if (parsed) {
				objects++;
				assert_non_null(found);
				assert_int_equal(json_object_size(parsed) == 0, !*found);
			}
			json_decref(parsed);
		}
	}
	assert_true(objects > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_come_as_they_stand),
		cmocka_unit_test(malformed_texts_are_refused),
		cmocka_unit_test(agrees_with_the_parser),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
