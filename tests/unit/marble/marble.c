#include "testing.h"

#include "made_marble.h"

static const char *const names[] = { "MARBLE_PREDEFINED_ROOT_CA", "MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN",
				     "MARBLE_PREDEFINED_PRIVATE_KEY", "MARBLE_PREDEFINED_COORDINATOR_ROOT_CA" };
static struct ca ca, other;

static int make_meshes(void **state)
{
	(void)state;
	made_mesh(&ca);
	made_mesh(&other);
	return 0;
}

static int drop_meshes(void **state)
{
	(void)state;
	ca_free(&ca);
	ca_free(&other);
	return 0;
}

static int clear_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	unsetenv("EDG_MARBLE_TYPE");
	return 0;
}

static void launch(const struct ca *mesh)
{
	struct marblerun_parameters *given = made_parameters(mesh, MADE_UUID, "app", "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		setenv(names[i], (const char *)made_value(given, names[i])->data, 1);
	marblerun_parameters_free(given);
}

static void what_the_launcher_left(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *m;
	struct marblerun_secret secret;
	launch(&ca);
	assert_int_equal(marblerun_marble_of_environment(&m, reason), 0);
	assert_string_equal(marblerun_marble_self(m)->uuid, MADE_UUID);
	assert_string_equal(marblerun_marble_self(m)->type, "app");
	assert_null(marblerun_marble_parameters(m));
	setenv("GIVEN", "value", 1);
	assert_int_equal(marblerun_marble_variable(m, "GIVEN", &secret, reason), 0);
	assert_string_equal((char *)secret.data, "value");
	marblerun_secret_free(&secret);
	assert_null(secret.data);
	assert_int_equal(marblerun_marble_variable(m, "NOT_GIVEN", &secret, reason), 1);
	assert_says(reason, "NOT_GIVEN");
	marblerun_marble_free(m);
}

static void files_of_the_launcher(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *m;
	struct marblerun_secret secret;
	launch(&ca);
	assert_int_equal(marblerun_marble_open(&m, reason), 0);
	put("given", "content", 0600);
	assert_int_equal(marblerun_marble_file(m, "given", &secret, reason), 0);
	assert_int_equal(secret.size, 7);
	assert_string_equal((char *)secret.data, "content");
	marblerun_secret_free(&secret);
	assert_int_equal(marblerun_marble_file(m, "not-given", &secret, reason), 1);
	assert_says(reason, "not-given");
	marblerun_marble_free(m);
}

static void what_an_activation_delivered(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *m;
	struct marblerun_secret secret;
	struct marblerun_parameters *given = made_parameters(&ca, MADE_UUID, "app", "");
	given->environment[given->environment_count++] =
		(struct marblerun_named_value){ strdup("BYTES"), (uint8_t *)strdup("a\0b"), 1 };
	given->files[given->file_count++] =
		(struct marblerun_named_value){ strdup("/etc/f"), (uint8_t *)strdup("in memory"), 9 };
	setenv("OF_THE_HOST", "x", 1);
	assert_int_equal(marblerun_marble_of_parameters(given, &m, reason), 0);
	assert_ptr_equal(marblerun_marble_parameters(m), given);
	assert_int_equal(marblerun_marble_variable(m, "BYTES", &secret, reason), 0);
	assert_int_equal(secret.size, 1);
	marblerun_secret_free(&secret);
	assert_int_equal(marblerun_marble_file(m, "/etc/f", &secret, reason), 0);
	assert_string_equal((char *)secret.data, "in memory");
	marblerun_secret_free(&secret);
	assert_int_equal(marblerun_marble_variable(m, "OF_THE_HOST", &secret, reason), 1);
	assert_int_equal(marblerun_marble_file(m, "/etc/passwd", &secret, reason), 1);
	assert_says(reason, "no file \"/etc/passwd\"");
	marblerun_marble_free(m);
}

static void assert_names(const char *name)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *m = NULL;
	assert_int_equal(marblerun_marble_open(&m, reason), 1);
	assert_true(strstr(reason, name) != NULL);
	assert_null(m);
}

static void each_variable_is_needed(void **state)
{
	(void)state;
	setenv("EDG_MARBLE_TYPE", "app", 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		launch(&ca);
		setenv(names[i], "", 1);
		assert_names(names[i]);
		unsetenv(names[i]);
		assert_names(names[i]);
	}
}

static void neither_launched_nor_a_type(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *m;
	assert_int_equal(marblerun_marble_open(&m, reason), 1);
	assert_says(reason, "MARBLE_PREDEFINED_ROOT_CA is not set");
	assert_says(reason, "EDG_MARBLE_TYPE is not set");
	setenv("EDG_MARBLE_TYPE", "", 1);
	assert_int_equal(marblerun_marble_open(&m, reason), 1);
	assert_says(reason, "EDG_MARBLE_TYPE");
}

static void refused(const char *name, const struct ca *of, const char *value, const char *why)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *m;
	struct marblerun_parameters *given = made_parameters(&ca, MADE_UUID, "app", "");
	struct marblerun_parameters *foreign = made_parameters(of, MADE_UUID, "app", "");
	made_replace(given, name, value ? value : (const char *)made_value(foreign, name)->data);
	assert_int_equal(marblerun_marble_of_parameters(given, &m, reason), 1);
	assert_says(reason, name);
	assert_says(reason, why);
	assert_null(strstr(reason, "secret words"));
	marblerun_parameters_free(given);
	marblerun_parameters_free(foreign);
}

static void values_that_do_not_fit(void **state)
{
	(void)state;
	refused(names[0], &ca, "secret words", "certificate");
	refused(names[0], &other, NULL, "is not of the mesh");
	refused(names[1], &ca, "secret words", "1 to 15 certificates");
	refused(names[1], &ca, NULL, "MARBLE_PREDEFINED_PRIVATE_KEY is not the key");
	refused(names[1], &ca, "-----BEGIN CERTIFICATE-----\nsecret words\n-----END CERTIFICATE-----\n", "1 to 15");
	refused(names[2], &ca, "secret words", "a private key");
	refused(names[2], &ca, NULL, "is not the key of");
	refused(names[3], &ca, "secret words", "certificate");
}

static void wiped(void **state)
{
	(void)state;
	char content[] = "secret";
	marblerun_wipe(content, sizeof content);
	for (size_t i = 0; i < sizeof content; i++)
		assert_int_equal(content[i], 0);
	marblerun_wipe(NULL, 0);
	marblerun_secret_free(NULL);
	marblerun_marble_free(NULL);
}

static void a_forgotten_variable(void **state)
{
	(void)state;
	static char entry[] = "TO_FORGET=secret";
	putenv(entry); /* so that the memory is known */
	marblerun_environment_forget("TO_FORGET");
	assert_null(getenv("TO_FORGET"));
	assert_memory_equal(entry, "TO_FORGET=\0\0\0\0\0\0", sizeof entry);
	marblerun_environment_forget("TO_FORGET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_the_launcher_left, clear_environment),
		in_folder(files_of_the_launcher), cmocka_unit_test(what_an_activation_delivered),
		cmocka_unit_test_setup(each_variable_is_needed, clear_environment),
		cmocka_unit_test_setup(neither_launched_nor_a_type, clear_environment),
		cmocka_unit_test(values_that_do_not_fit), cmocka_unit_test(wiped),
		cmocka_unit_test(a_forgotten_variable),
	};
	return cmocka_run_group_tests(tests, make_meshes, drop_meshes);
}
