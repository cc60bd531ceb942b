/* Whatever a value holds, an event stays one line, and one JSON object. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/writer.h"

static char line[65536];
static FILE *caught;
static int real_stderr;

static void catch_begin(void)
{
	fflush(stderr);
	caught = tmpfile();
	assert_non_null(caught);
	real_stderr = dup(STDERR_FILENO);
	assert_true(real_stderr >= 0);
	dup2(fileno(caught), STDERR_FILENO);
}

static const char *catch_end(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(caught);
	line[fread(line, 1, sizeof line - 1, caught)] = 0;
	fclose(caught);
	return line;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t compiled;
	assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return found;
}

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static void test_text(void **state)
{
	(void)state;
	log_setup(LOG_TEXT, LOG_INFO_LEVEL);
	catch_begin();
	log_info("activated", LOG_TEXT_FIELD("marble", "front end"), LOG_NUMBER_FIELD("count", -5),
		 LOG_TEXT_FIELD("none", (const char *)NULL));
	assert_true(matches(catch_end(),
			    "^" TIME " info activated marble=\"front end\" count=-5 none=\"\"\n$"));
}

static void test_json(void **state)
{
	(void)state;
	log_setup(LOG_JSON, LOG_INFO_LEVEL);
	catch_begin();
	log_warning("activated", LOG_TEXT_FIELD("marble", "front end"),
		    LOG_NUMBER_FIELD("count", INT64_MIN));
	json_t *event = json_loads(catch_end(), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(event);
	assert_true(matches(json_string_value(json_object_get(event, "time")), "^" TIME "$"));
	assert_string_equal(json_string_value(json_object_get(event, "level")), "warning");
	assert_string_equal(json_string_value(json_object_get(event, "event")), "activated");
	assert_string_equal(json_string_value(json_object_get(event, "marble")), "front end");
	assert_true(json_integer_value(json_object_get(event, "count")) == INT64_MIN);
	json_decref(event);
}

static void test_levels(void **state)
{
	(void)state;
	log_setup(LOG_TEXT, LOG_WARNING_LEVEL);
	catch_begin();
	log_debug("no");
	log_info("no");
	log_warning("yes");
	log_error("yes");
	assert_true(matches(catch_end(), "^" TIME " warning yes\n" TIME " error yes\n$"));
	assert_true(log_enabled(LOG_ERROR_LEVEL));
	assert_false(log_enabled(LOG_INFO_LEVEL));
}

static const struct hostile {
	const char *value, *shown; /* between the quotes, in text and in JSON */
	const char *read;          /* what a JSON reader gets */
} hostile[] = {
	{ "a\nlevel=error", "a\\nlevel=error", "a\nlevel=error" },
	{ "a\" x=\"b", "a\\\" x=\\\"b", "a\" x=\"b" },
	{ "back\\slash\\", "back\\\\slash\\\\", "back\\slash\\" },
	{ "\r\t\b\x1b[31m\x7f", "\\u000d\\u0009\\u0008\\u001b[31m\\u007f", "\r\t\b\x1b[31m\x7f" },
	{ "\xc2\x9b""2J", "\\u009b2J", "\xc2\x9b""2J" },	/* CSI as one character */
	{ "\xe2\x80\xa8\xe2\x80\xae", "\\u2028\\u202e", "\xe2\x80\xa8\xe2\x80\xae" },
	{ "gr\xc3\xbc\xc3\x9f""e", "gr\xc3\xbc\xc3\x9f""e", "gr\xc3\xbc\xc3\x9f""e" },
	{ "bad\xff\xc3(", "bad\xef\xbf\xbd\xef\xbf\xbd(", "bad\xef\xbf\xbd\xef\xbf\xbd(" },
	{ "cut\xe2\x82", "cut\xef\xbf\xbd\xef\xbf\xbd", "cut\xef\xbf\xbd\xef\xbf\xbd" },
	{ "%s%n", "%s%n", "%s%n" },
	{ "", "", "" },
};

static void test_hostile_text(void **state)
{
	(void)state;
	log_setup(LOG_TEXT, LOG_INFO_LEVEL);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		char end[256];
		catch_begin();
		log_info("event", LOG_TEXT_FIELD("value", hostile[i].value));
		const char *text = catch_end();
		snprintf(end, sizeof end, " info event value=\"%s\"\n", hostile[i].shown);
		assert_true(strlen(text) > strlen(end));
		assert_string_equal(text + strlen(text) - strlen(end), end);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	}
}

static void test_hostile_json(void **state)
{
	(void)state;
	log_setup(LOG_JSON, LOG_INFO_LEVEL);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		catch_begin();
		log_info("event", LOG_TEXT_FIELD("value", hostile[i].value));
		const char *text = catch_end();
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		json_t *event = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(event);
		assert_string_equal(json_string_value(json_object_get(event, "value")),
				    hostile[i].read);
		json_decref(event);
	}
}

/* A long value is cut, wherever a character's bytes lie. */
static void test_long_value(void **state)
{
	(void)state;
	log_setup(LOG_JSON, LOG_INFO_LEVEL);
	for (size_t offset = 0; offset < 4; offset++) {
		CLEANUP(writer_free) struct writer w = { 0 };
		for (size_t i = 0; i < offset; i++)
			write_u8(&w, 'a');
		for (size_t i = 0; i < 5000; i++)
			write_string(&w, "\xf0\x9f\x98\x80");
		CLEANUP_FREE char *value = writer_take_string(&w);
		catch_begin();
		log_info("event", LOG_TEXT_FIELD("value", value));
		json_t *event = json_loads(catch_end(), 0, NULL);
		assert_non_null(event);
		size_t length = json_string_length(json_object_get(event, "value"));
		assert_in_range(length, 4090, 4110);
		json_decref(event);
	}
}

static void test_error_field(void **state)
{
	(void)state;
	log_setup(LOG_TEXT, LOG_INFO_LEVEL);
	CLEANUP(error_free) error *e = error_new(ERROR_INVALID, "a \"bad\" thing");
	catch_begin();
	log_error("refused", LOG_ERROR_FIELD(e));
	assert_true(matches(catch_end(), " error refused error=\"a \\\\\"bad\\\\\" thing\"\n$"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	     cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),	     cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_hostile_json), cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_error_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
