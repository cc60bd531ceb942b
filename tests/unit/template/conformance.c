/* Every template of conformance.json gives what Go's text/template (1.26) gave, or fails where it
 * failed. Cases with "refused" are those that this program refuses on purpose. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/file.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "model.h"

enum { CASES_LEAST = 1000 };
static const char *cases_path;

static void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

/* The member, or with _hex behind its name its decoded bytes. */
static bool text_member(json_t *of, const char *name, const char *name_hex, struct blob *ret)
{
	json_t *plain = json_object_get(of, name), *hex = json_object_get(of, name_hex);
	if (plain)
		must(blob_copy(json_bytes(plain), ret));
	else if (hex)
		must(hex_decode(json_bytes(hex), name_hex, ret));
	return plain || hex;
}

/* Where it failed: "", "parse" or "execute". */
static const char *run(bytes text, struct writer *output, error **ret)
{
	struct value dot = model_dot();
	CLEANUP(template_free) struct template *t = NULL;
	*ret = template_parse(text, "template", &model_scope, &t);
	if (*ret)
		return "parse";
	*ret = template_execute(t, &model_scope, &dot, output);
	return *ret ? "execute" : "";
}

static bool check_case(json_t *one)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(blob_free) struct blob expected = { 0 };
	CLEANUP(writer_free) struct writer output = { .limit = 1 << 20 };
	CLEANUP(error_free) error *failure = NULL;
	assert_true(text_member(one, "template", "template_hex", &text));
	bool succeeds = text_member(one, "output", "output_hex", &expected);
	json_t *fails = json_object_get(one, "fails"), *refused = json_object_get(one, "refused");
	const char *wanted = refused || fails ? json_string_value(refused ? refused : fails) : "";
	assert_true(succeeds || fails);
	const char *got = run(blob_view(&text), &output, &failure);
	bool right = strcmp(got, wanted) == 0 &&
		     (failure || bytes_equal(writer_view(&output), blob_view(&expected)));
	bool placed = !failure || (strstr(error_message(failure), "template: line ") &&
				   strstr(error_message(failure), ", column "));
	if (!right || !placed)
		print_error("%.*s\n\twanted <%s> <%.*s>\n\tgot    <%s> <%.*s> %s\n", (int)text.size,
			    (char *)text.data, wanted, (int)expected.size, (char *)expected.data,
			    got, (int)output.size, (char *)output.data,
			    failure ? error_message(failure) : "");
	return right && placed;
}

static void test_all(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob file = { 0 };
	CLEANUP_JSON json_t *cases = NULL;
	json_t *one;
	size_t i, wrong = 0;
	must(file_read(cases_path, 4 << 20, &file));
	must(json_parse(blob_view(&file), cases_path, &cases));
	assert_true(json_array_size(cases) >= CASES_LEAST);
	json_array_foreach(cases, i, one)
		wrong += !check_case(one);
	assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
	assert_int_equal(argc, 2);
	cases_path = argv[1];
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
