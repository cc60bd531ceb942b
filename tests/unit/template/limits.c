/* No template takes more than its share of memory, time or stack; one may be executed by several
 * threads at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "model.h"
#include "template/tree.h"

enum { TIME_MAX_MS = 5000 }; /* generous: the builds with sanitizers are slow */

static void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static void write_times(struct writer *w, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		write_string(w, text);
}

static error *parse(const struct writer *text, struct template **ret)
{
	return template_parse(writer_view(text), "T", &model_scope, ret);
}

static error *execute_text(const char *text, struct writer *output)
{
	struct value dot = model_dot();
	CLEANUP(template_free) struct template *t = NULL;
	must(template_parse(bytes_of_string(text), "T", &model_scope, &t));
	return template_execute(t, &model_scope, &dot, output);
}

static void assert_refused(error *given, enum error_code code, const char *part)
{
	CLEANUP(error_free) error *e = given;
	assert_non_null(e);
	assert_int_equal(error_code(e), code);
	if (!strstr(error_message(e), part))
		fail_msg("\"%s\" expected in: %s", part, error_message(e));
}

static void test_size(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(template_free) struct template *t = NULL;
	write_times(&text, TEMPLATE_SIZE_MAX, "a");
	must(parse(&text, &t));
	template_free(TAKE(t));
	write_string(&text, "a");
	assert_refused(parse(&text, &t), ERROR_TOO_LARGE, "larger than 1048576 bytes");
}

static error *nested(size_t depth, const char *open, const char *inner, const char *close)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(writer_free) struct writer output = { 0 };
	CLEANUP(template_free) struct template *t = NULL;
	struct value dot = model_dot();
	write_times(&text, depth, open);
	write_string(&text, inner);
	write_times(&text, depth, close);
	TRY(parse(&text, &t));
	TRY(template_execute(t, &model_scope, &dot, &output));
	assert_true(bytes_equal_string(writer_view(&output), "x"));
	return NULL;
}

static void test_depth(void **state)
{
	(void)state;
	static const char *const forms[][3] = {
		{ "{{if 1}}", "x", "{{end}}" },
		{ "{{range 1}}", "x", "{{end}}" },
		{ "{{with 1}}", "x", "{{end}}" },
		{ "{{if 0}}{{else}}", "x", "{{end}}" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		must(nested(TEMPLATE_DEPTH_MAX, forms[i][0], forms[i][1], forms[i][2]));
		error *e = nested(TEMPLATE_DEPTH_MAX + 1, forms[i][0], forms[i][1], forms[i][2]);
		assert_refused(e, ERROR_INVALID, "nested more than 100 levels deep");
	}
}

static void test_depth_of_parentheses(void **state)
{
	(void)state;
	for (size_t depth = TEMPLATE_DEPTH_MAX; depth <= TEMPLATE_DEPTH_MAX + 1; depth++) {
		CLEANUP(writer_free) struct writer text = { 0 };
		CLEANUP(template_free) struct template *t = NULL;
		write_string(&text, "{{");
		write_times(&text, depth, "(");
		write_string(&text, "1");
		write_times(&text, depth, ")");
		write_string(&text, "}}");
		error *e = parse(&text, &t);
		if (depth == TEMPLATE_DEPTH_MAX)
			must(e);
		else
			assert_refused(e, ERROR_INVALID, "line 1, column 103: nested more than");
	}
}

/* What stands one behind the other is not nested. */
static void test_depth_is_nesting(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(template_free) struct template *t = NULL;
	write_times(&text, TEMPLATE_DEPTH_MAX + 1,
		    "{{if (1)}}{{else if (2)}}{{end}}{{range (3)}}{{end}}");
	must(parse(&text, &t));
}

static void test_else_if_chain(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(template_free) struct template *t = NULL;
	write_string(&text, "{{if 0}}");
	write_times(&text, 100000, "{{else if 0}}");
	text.size = text.size < TEMPLATE_SIZE_MAX ? text.size : TEMPLATE_SIZE_MAX;
	assert_refused(parse(&text, &t), ERROR_INVALID, "nested more than 100 levels deep");
}

static void test_nodes(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(template_free) struct template *t = NULL;
	write_string(&text, "{{print");
	write_times(&text, TEMPLATE_NODES_MAX, " 1");
	write_string(&text, "}}");
	assert_refused(parse(&text, &t), ERROR_INVALID, "more than 100000 parts");
	writer_reset(&text);
	write_string(&text, "{{");
	write_times(&text, TEMPLATE_NODES_MAX, ".a");
	write_string(&text, "}}");
	assert_refused(parse(&text, &t), ERROR_INVALID, "more than 100000 parts");
}

static void test_variables(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(template_free) struct template *t = NULL;
	for (int i = 1; i < TEMPLATE_VARIABLES_MAX; i++) /* $ is one of them */
		write_format(&text, "{{$v%d := %d}}", i, i);
	must(parse(&text, &t));
	template_free(TAKE(t));
	write_string(&text, "{{$more := 1}}");
	assert_refused(parse(&text, &t), ERROR_INVALID, "more than 255 variables");
}

static void test_steps(void **state)
{
	(void)state;
	static const char *const endless[] = {
		"{{range 9223372036854775807}}{{end}}",
		"{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}",
		"{{range 9223372036854775807}}{{continue}}{{end}}",
		"{{$x := printf \"%1000000d\" 1}}{{range 200}}{{if eq $x $x}}{{end}}{{end}}",
		"{{$x := printf \"%1000000d\" 1}}{{range 200}}{{if lt $x $x}}{{end}}{{end}}",
		"{{range 1000000}}{{if len $.Secrets}}{{end}}{{end}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(endless); i++) {
		CLEANUP(writer_free) struct writer output = { .limit = 1 << 20 };
		int64_t start = clock_monotonic_ms();
		assert_refused(execute_text(endless[i], &output), ERROR_TOO_LARGE,
			       "more than 100000 steps");
		assert_true(clock_monotonic_ms() - start < TIME_MAX_MS);
	}
}

static void test_memory(void **state)
{
	(void)state;
	static const char doubling[] = "{{$x := \"a\"}}{{range 60}}{{$x = print $x $x}}{{end}}";
	CLEANUP(writer_free) struct writer output = { .limit = 1 << 20 };
	CLEANUP(writer_free) struct writer wide = { 0 };
	assert_refused(execute_text(doubling, &output), ERROR_TOO_LARGE, "bytes");
	assert_refused(execute_text("{{range 60}}{{$x := printf \"%1000000d\" 1}}{{end}}", &output),
		       ERROR_TOO_LARGE, "more than 16777216 bytes of strings");
	write_string(&wide, "{{printf \"");
	write_times(&wide, 18, "%1000000d");
	write_string(&wide, "\"");
	write_times(&wide, 18, " 1");
	write_string(&wide, "}}");
	CLEANUP_FREE char *text = writer_take_string(&wide);
	assert_refused(execute_text(text, &output), ERROR_TOO_LARGE, "larger than 16777216 bytes");
}

static void test_output(void **state)
{
	(void)state;
	static const char *const texts[] = { "12345678", "{{12345678}}", "{{range 8}}{{.}}{{end}}",
					     "{{\"1234\"}}5678" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(writer_free) struct writer fits = { .limit = 8 };
		CLEANUP(writer_free) struct writer small = { .limit = 7 };
		must(execute_text(texts[i], &fits));
		assert_int_equal(fits.size, 8);
		assert_refused(execute_text(texts[i], &small), ERROR_TOO_LARGE,
			       "the output is larger than 7 bytes");
	}
}

/* Output is appended: what was there stays. */
static void test_append(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer output = { 0 };
	write_string(&output, "before ");
	must(execute_text("{{.Name}}", &output));
	assert_true(bytes_equal_string(writer_view(&output), "before Ada"));
}

/* A template outlives the text that it was made of. */
static void test_text_is_copied(void **state)
{
	(void)state;
	char text[] = "{{.Name}} text {{\"string\"}} {{hex .Secrets.key}}", what[] = "T";
	struct value dot = model_dot();
	CLEANUP(template_free) struct template *t = NULL;
	CLEANUP(writer_free) struct writer output = { 0 };
	must(template_parse(bytes_of_string(text), what, &model_scope, &t));
	memset(text, 'x', sizeof text);
	memset(what, 'x', sizeof what);
	must(template_execute(t, &model_scope, &dot, &output));
	assert_true(bytes_equal_string(writer_view(&output), "Ada text string 000102fdfeff"));
}

enum { THREADS = 4, ROUNDS = 200 };

static void *execute_often(void *argument)
{
	static const char expected[] = "cert größe key nul plain unset with-dash 1000102fdfeff";
	const struct template *t = argument;
	size_t right = 0;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct value dot = model_dot();
		CLEANUP(writer_free) struct writer output = { .secret = true };
		CLEANUP(error_free)
		error *e = template_execute(t, &model_scope, &dot, &output);
		right += !e && bytes_equal_string(writer_view(&output), expected);
	}
	return right == ROUNDS ? argument : NULL;
}

static void test_threads(void **state)
{
	(void)state;
	static const char text[] = "{{$x := 0}}{{range $k, $v := .Secrets}}{{$k}} {{$x = 1}}{{end}}"
				   "{{printf \"%d\" $x}}{{hex .Secrets.key}}";
	CLEANUP(template_free) struct template *t = NULL;
	pthread_t threads[THREADS];
	must(template_parse(bytes_of_string(text), "T", &model_scope, &t));
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, execute_often, t), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_of_parentheses),
		cmocka_unit_test(test_depth_is_nesting),
		cmocka_unit_test(test_else_if_chain),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_text_is_copied),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
