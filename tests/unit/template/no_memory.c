/* Memory runs out at the first, the second, … allocation: a clear failure each time, and nothing
 * is left behind (which the build with sanitizers sees). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "failing_malloc.h"
#include "model.h"

static const char text[] =
	"{{$x := \"a\\n\"}}{{range $k, $v := .Texts}}{{if eq $k `b`}}{{$v}}{{else}}-{{end}}{{end}}"
	"{{printf \"%q|%x|%08d|%c\" $x .Name 5 'a'}}{{print 1 2}}{{len (print $x)}}"
	"{{with .Secrets.cert}}{{.Cert | pem}}{{hex .}}{{end}}";

static void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static error *run(struct writer *output)
{
	struct value dot = model_dot();
	CLEANUP(template_free) struct template *t = NULL;
	TRY(template_parse(bytes_of_string(text), "T", &model_scope, &t));
	return template_execute(t, &model_scope, &dot, output);
}

static void test_every_allocation(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer whole = { 0 };
	must(run(&whole));
	size_t n = 1;
	for (;; n++) {
		CLEANUP(writer_free) struct writer output = { 0 };
		fail_allocation(n);
		error *e = run(&output);
		int failed = allocation_failed();
		fail_allocation(0);
		if (!failed) {
			must(e);
			assert_true(bytes_equal(writer_view(&output), writer_view(&whole)));
			break;
		}
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_NO_MEMORY);
		error_free(e);
	}
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_allocation) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
