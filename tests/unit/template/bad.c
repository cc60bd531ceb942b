/* One template for each kind of mistake: where it is, and what the message names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "model.h"

struct bad {
	const char *template;
	size_t line, column;
	const char *message; /* how it begins behind the place */
};

static const struct bad bad_syntax[] = {
	{ "{{define \"a\"}}{{end}}", 1, 3, "manifests can't use \"define\"" },
	{ "a\n {{template \"a\"}}", 2, 4, "manifests can't use \"template\"" },
	{ "{{if true}}{{block \"a\" .}}{{end}}{{end}}", 1, 14, "manifests can't use \"block\"" },
	{ "{{html .Name}}", 1, 3, "no function \"html\" here; besides those of the "
				  "manifest there are and, or" },
	{ "{{ .Name | nosuch }}", 1, 12, "no function \"nosuch\"" },
	{ "{{1.5}}", 1, 3, "1.5: an integer expected; manifests can't use floating-point" },
	{ "{{1e3}}", 1, 3, "1e3: an integer expected; manifests can't" },
	{ "{{2i}}", 1, 3, "2i: an integer expected; manifests can't" },
	{ "{{09}}", 1, 3, "09: an integer expected" },
	{ "{{9223372036854775808}}", 1, 3, "9223372036854775808: an integer of at most 64" },
	{ "{{'ab'}}", 1, 3, "'ab': one character expected" },
	{ "{{\"a\\q\"}}", 1, 3, "\"a\\q\": a proper escape sequence expected" },
	{ "{{print \"a}}\n\"", 1, 9, "not closed: \" expected before the end of the line" },
	{ "{{print 'a}}", 1, 9, "not closed: ' expected" },
	{ "{{print `a\n}}", 1, 9, "not closed: ` expected" },
	{ "{{/* a", 1, 3, "the comment is not closed: */}} expected" },
	{ "{{/* a */ b}}", 1, 10, "}} expected directly after the end of a comment" },
	{ "a\n\xc3\xa4\xc3\xb6 {{print 1", 2, 4, "the action is not closed: }} expected" },
	{ "{{print (1}}", 1, 11, ") expected before }}" },
	{ "{{print 1)}}", 1, 10, "no ( belongs to this )" },
	{ "{{}}", 1, 3, "a value for the action expected" },
	{ "{{print ()}}", 1, 10, "a value for the parentheses expected" },
	{ "{{if}}{{end}}", 1, 5, "a value for if expected" },
	{ "{{1 | | print}}", 1, 7, "unexpected \"|\"; a value expected" },
	{ "{{1 | 2}}", 1, 7, "a function expected after |" },
	{ "{{print(1)}}", 1, 8, "unexpected \"(\"; a space, |, ) or }} expected" },
	{ "{{print 1,2}}", 1, 10, "unexpected \",\"; a space" },
	{ "{{print if}}", 1, 9, "unexpected \"if\"; a space" },
	{ "{{!1}}", 1, 3, "unexpected \"!\"; a value expected" },
	{ "{{\xc3\xa4\xe2\x86\x92}}", 1, 4, "a space, }}, | or ) expected after \"\xc3\xa4\"" },
	{ "{{\xe2\x86\x92}}", 1, 3, "the character U+2192 can't stand in an action" },
	{ "{{.a-b}}", 1, 5, "a space, }}, | or ) expected after \".a\"" },
	{ "{{$x}}", 1, 3, "the variable $x is not declared here" },
	{ "{{if 1}}{{$x := 1}}{{end}}{{$x}}", 1, 29, "the variable $x is not declared" },
	{ "{{$x, $y := 1}}", 1, 5, "too many variables; one expected" },
	{ "{{range $a, $b, $c := 1}}{{end}}", 1, 15, "too many variables; one or two" },
	{ "{{range $a, 5 := 1}}{{end}}", 1, 13, "unexpected \"5\"; a second variable" },
	{ "{{$x : 1}}", 1, 6, ":= expected" },
	{ "{{true.x}}", 1, 7, "\"true\" has no fields" },
	{ "a{{if true}}\n{{if 1}}{{end}}", 1, 4, "not closed: {{end}} expected" },
	{ "{{if true}}{{else}}", 1, 3, "not closed: {{end}} expected" },
	{ "a{{end}}", 1, 2, "{{end}} without if, with or range before it" },
	{ "a{{else}}", 1, 2, "{{else}} without if" },
	{ "{{if 1}}{{else}}{{else}}{{end}}", 1, 17, "a second {{else}} follows" },
	{ "{{if 1}}{{else with 1}}{{end}}", 1, 16, "unexpected \"with\"; }} or if expected" },
	{ "{{range 1}}{{else if 1}}{{end}}", 1, 19, "unexpected \"if\"; }} expected" },
	{ "{{if 1}}{{end 1}}", 1, 15, "unexpected \"1\"; }} expected" },
	{ "{{if 1}}{{break}}{{end}}", 1, 11, "break outside of range" },
	{ "\n\n{{continue}}", 3, 3, "continue outside of range" },
	{ "{{printf \"%f\" 1}}", 1, 10, "the format of printf: one of the verbs s v d q x" },
	{ "{{printf \"%#v\" 1}}", 1, 10, "the format of printf: %#v is not supported" },
	{ "{{printf \"%10000000d\" 1}}", 1, 10, "the format of printf: a width of at most" },
};

static const struct bad bad_execution[] = {
	{ "a\n{{.None}}", 2, 3, ".None: no such field" },
	{ "{{.Name.x}}", 1, 3, "a string has no field \"x\"" },
	{ "{{.Name 1}}", 1, 3, "a field takes no arguments" },
	{ "{{1 2}}", 1, 3, "only a function takes arguments" },
	{ "{{nil}}", 1, 3, "nil can only be an argument of a function" },
	{ "{{$x = 1}}", 1, 3, "there is no such variable here (yet)" },
	{ "{{not 1 2}}", 1, 3, "not takes 1 argument; 2 given" },
	{ "{{eq 1}}", 1, 3, "eq takes at least 2 arguments; 1 given" },
	{ "{{eq 1 \"a\"}}", 1, 3, "eq: an integer can't be compared with a string" },
	{ "{{lt true false}}", 1, 3, "lt: a boolean can't be compared with a boolean" },
	{ "{{len 1}}", 1, 3, "len: an integer has no length" },
	{ "{{index 1 1}}", 1, 3, "index: an integer has no entries" },
	{ "{{index nil 1}}", 1, 3, "index: nothing has no entries" },
	{ "{{index \"a\" 1}}", 1, 3, "index: the index lies outside of the string" },
	{ "{{index \"a\" \"b\"}}", 1, 3, "index: the index of a string is an integer" },
	{ "{{index .Texts 1}}", 1, 3, "index: the index of an object is a string" },
	{ "{{index .Texts \"none\"}}", 1, 3, "index: there is no entry of that name" },
	{ "{{range true}}{{end}}", 1, 3, "range can't go over a boolean" },
	{ "{{range $a, $b := 3}}{{end}}", 1, 3, "range over an integer has one variable" },
	{ "{{range .Secrets.key}}{{end}}", 1, 3, "range: no map" },
	{ "{{raw .Secrets.none}}", 1, 3, "raw: no secret" },
	{ "{{ .Secrets.unset | raw }}", 1, 21, "raw: empty" },
	{ "{{.Secrets.key}}", 1, 3, "printing an object: an object has no text" },
	{ "{{printf \"%d\" \"a\"}}", 1, 3, "printf: a verb does not fit the kind of its" },
	{ "{{printf \"%d\"}}", 1, 3, "printf: it has more verbs than there are arguments" },
	{ "{{printf \"\" 1}}", 1, 3, "printf: it has fewer verbs than there are arguments" },
	{ "{{printf 1}}", 1, 3, "printf: the format is a string, not an integer" },
};

static void check_message(const struct bad *b, const error *e)
{
	char expected[256];
	const char *message = e ? error_message(e) : "(success)";
	int length = snprintf(expected, sizeof expected, "T: line %zu, column %zu: %s", b->line,
			      b->column, b->message);
	if (strncmp(message, expected, (size_t)length) != 0 || error_code(e) != ERROR_INVALID)
		fail_msg("%s\n\texpected %s\n\tgot      %s", b->template, expected, message);
}

static void test_syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_syntax); i++) {
		struct template *t = NULL;
		const struct bad *b = &bad_syntax[i];
		CLEANUP(error_free)
		error *e = template_parse(bytes_of_string(b->template), "T", &model_scope, &t);
		check_message(b, e);
		assert_null(t);
	}
}

static void test_execution(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_execution); i++) {
		const struct bad *b = &bad_execution[i];
		struct value dot = model_dot();
		CLEANUP(template_free) struct template *t = NULL;
		CLEANUP(writer_free) struct writer output = { 0 };
		assert_null(template_parse(bytes_of_string(b->template), "T", &model_scope, &t));
		CLEANUP(error_free) error *e = template_execute(t, &model_scope, &dot, &output);
		check_message(b, e);
	}
}

/* What a template computes may be secret: it stays out of messages. */
static void test_no_values_in_messages(void **state)
{
	(void)state;
	static const char *const templates[] = {
		"{{index .Texts (raw .Secrets.plain)}}", "{{printf (raw .Secrets.plain) 1}}",
		"{{eq (raw .Secrets.plain) 1}}",	 "{{raw (raw .Secrets.plain)}}",
		"{{printf (printf \"%%%s\" (raw .Secrets.plain)) 1}}",
		"{{range raw .Secrets.plain}}{{end}}",	 "{{len (len (raw .Secrets.plain))}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		struct value dot = model_dot();
		CLEANUP(template_free) struct template *t = NULL;
		CLEANUP(writer_free) struct writer output = { .secret = true };
		assert_null(template_parse(bytes_of_string(templates[i]), "T", &model_scope, &t));
		CLEANUP(error_free) error *e = template_execute(t, &model_scope, &dot, &output);
		assert_non_null(e);
		assert_null(strstr(error_message(e), "hello"));
		assert_null(strstr(error_message(e), "world"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_execution),
		cmocka_unit_test(test_no_values_in_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
