/* What a template may look up, whichever branch is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "template/lookups.h"

/* "a.b " for each; "…" after an open one. */
static error *note(void *context, const struct lookup *l)
{
	struct writer *w = context;
	for (size_t i = 0; i < l->count; i++)
		write_format(w, "%s%.*s", i ? "." : "", (int)l->names[i].size, (const char *)l->names[i].data);
	write_string(w, l->open ? "… " : " ");
	return NULL;
}

static bool has_function(void *context, bytes name)
{
	(void)context;
	return bytes_equal_string(name, "hex");
}

static void check(const char *text, const char *expected)
{
	static const struct template_scope scope = { .has_function = has_function };
	CLEANUP(template_free) struct template *t = NULL;
	CLEANUP(writer_free) struct writer found = { 0 };
	assert_null(template_parse(bytes_of_string(text), "test", &scope, &t));
	assert_null(template_lookups(t, note, &found));
	write_u8(&found, 0);
	assert_string_equal((const char *)found.data, expected);
}

static void chains(void **state)
{
	(void)state;
	check("no action", "");
	check("{{ .a.b }}{{ $.c }}{{ . }}", "a.b c  ");
	check("{{ hex .a.b }}{{ .c | hex | printf \"%s\" }}", "a.b c ");
	check("{{ hex (.a).b }}{{ ((.a.b).c).d }}", "a.b a.b.c.d ");
	check("{{ $x := .a.b }}{{ hex $x.c }}", "a.b c ");
	check("{{ .a.b.c.d.e.f.g.h }}{{ .a.b.c.d.e.f.g.h.i }}", "a.b.c.d.e.f.g.h a.b.c.d.e.f.g.h… ");
	check("{{ 1 }}{{ \"a\" }}{{ true }}", "");
}

static void every_branch(void **state)
{
	(void)state;
	check("{{ if .a }}{{ .b }}{{ else if .c }}{{ .d }}{{ else }}{{ .e }}{{ end }}", "a b c d e ");
	check("{{ with .a }}{{ .b }}{{ else }}{{ .c }}{{ end }}", "a b c ");
	check("{{ range $k, $v := .a }}{{ $v.b }}{{ else }}{{ .c }}{{ end }}", "a b c ");
	check("{{ or .a (and .b .c) | hex }}", "a b c ");
	check("{{ hex (or .a .b) }}{{ (or .a .b).c }}", "a b a b ");
}

static void indices(void **state)
{
	(void)state;
	check("{{ index .a \"b\" }}{{ index . \"a\" \"b\" }}", "a.b a.b ");
	check("{{ (index .a \"b\").c }}{{ hex (index (index .a \"b\") \"c\") }}", "a.b.c a.b.c ");
	check("{{ index .a .b }}{{ index .a \"b\" .c \"d\" }}", "b a… c a.b… ");
	check("{{ \"b\" | index .a }}{{ hex (\"b\" | index .a) }}", "a… a… ");
	check("{{ index (or .a .b) \"c\" }}", "a b c ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains),
		cmocka_unit_test(every_branch),
		cmocka_unit_test(indices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
