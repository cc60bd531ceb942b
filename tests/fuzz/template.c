/* Any text is refused with line and column, or executes the same way twice within its limits. */
#include <stdio.h>

#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what, const error *e)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, e ? error_message(e) : "(success)");
	abort();
}

static bool has_place(const error *e)
{
	return strncmp(error_message(e), "T: line ", strlen("T: line ")) == 0;
}

static error *execute(const struct template *t, struct writer *output)
{
	struct value dot = model_dot();
	error *e = template_execute(t, &model_scope, &dot, output);
	check(!e || has_place(e), "no place", e);
	return e;
}

static bool same(const error *a, const error *b)
{
	return !a == !b && (!a || strcmp(error_message(a), error_message(b)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(template_free) struct template *t = NULL;
	CLEANUP(writer_free) struct writer first = { .limit = 1 << 16, .secret = true };
	CLEANUP(writer_free) struct writer second = { .limit = 1 << 16 };
	CLEANUP(error_free)
	error *refusal = template_parse(bytes_of(data, size), "T", &model_scope, &t);
	if (refusal) {
		check(!t && has_place(refusal), "no place", refusal);
		return 0;
	}
	CLEANUP(error_free) error *one = execute(t, &first);
	CLEANUP(error_free) error *two = execute(t, &second);
	check(same(one, two) && bytes_equal(writer_view(&first), writer_view(&second)),
	      "not the same twice", one);
	return 0;
}
