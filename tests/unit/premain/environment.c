#include "../marble/testing.h"

#include "premain/environment.h"

#define VALUE(name, text) { (char *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(text), sizeof(text) - 1 }

static const char *find(const struct environment *e, const char *name)
{
	const char *found = NULL;
	size_t size = strlen(name);
	for (char **entry = e->entries; *entry; entry++)
		if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=') {
			assert_null(found);
			found = *entry + size + 1;
		}
	return found;
}

static void the_coordinator_rules(void **state)
{
	(void)state;
	char *inherited[] = { (char[]){ "A=host" }, (char[]){ "KEPT=k" }, (char[]){ "A=host again" },
			      (char[]){ "AB=x" }, (char[]){ "EMPTY=host" }, (char[]){ "EDG_MARBLE_TYPE=t" },
			      NULL };
	struct marblerun_named_value given[] = { VALUE("A", "mesh=1"), VALUE("EMPTY", ""),
						 VALUE("NEW", "n") };
	const struct marblerun_parameters p = { .environment = given, .environment_count = 3 };
	CLEANUP(environment_free) struct environment made = { 0 };
	must(environment_build(inherited, &p, &(struct data_plane){ 0 }, &made));
	assert_string_equal(find(&made, "A"), "mesh=1");
	assert_string_equal(find(&made, "EMPTY"), "");
	assert_string_equal(find(&made, "NEW"), "n");
	assert_string_equal(find(&made, "KEPT"), "k");
	assert_string_equal(find(&made, "AB"), "x");
	assert_string_equal(find(&made, "EDG_MARBLE_TYPE"), "t");
}

static void assert_bad(struct marblerun_named_value bad, enum error_code code, const char *part)
{
	char *inherited[] = { NULL };
	struct environment made = { 0 };
	const struct marblerun_parameters p = { .environment = &bad, .environment_count = 1 };
	assert_refused(environment_build(inherited, &p, &(struct data_plane){ 0 }, &made), code, part);
	assert_null(made.entries);
}

static void names_and_values_that_can_not_be(void **state)
{
	(void)state;
	assert_bad((struct marblerun_named_value)VALUE("", "x"), ERROR_INVALID, "Env holds \"\"");
	assert_bad((struct marblerun_named_value)VALUE("A=B", "x"), ERROR_INVALID, "Env holds \"A=B\"");
	assert_bad((struct marblerun_named_value)VALUE("NUL", "a\0b"), ERROR_INVALID,
		   "NUL a value with a NUL");
}

/* Fail closed: leaving it out would mean plaintext where the manifest demands TLS. */
static void the_data_plane_replaces_its_configuration(void **state)
{
	(void)state;
	CLEANUP(environment_free) struct environment made = { 0 };
	char preload[] = "LD_PRELOAD=/of/the/host", handed[] = "MARBLERUN_TTLS=1:2", kept[] = "A=1";
	char *inherited[] = { preload, handed, kept, NULL };
	struct marblerun_named_value config = VALUE("MARBLE_TTLS_CONFIG", "{}");
	struct marblerun_parameters p = { .environment = &config, .environment_count = 1 };
	struct data_plane plane = { .wanted = true, .preload = (char[]){ "LD_PRELOAD=/ours" },
				    .handover = { .variable = "MARBLERUN_TTLS=200:201" } };
	must(environment_build(inherited, &p, &plane, &made));
	assert_string_equal(made.entries[0], "LD_PRELOAD=/ours");
	assert_string_equal(made.entries[1], "MARBLERUN_TTLS=200:201");
	assert_string_equal(made.entries[2], "A=1");
	assert_null(made.entries[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_coordinator_rules), cmocka_unit_test(names_and_values_that_can_not_be),
		cmocka_unit_test(the_data_plane_replaces_its_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
