#include "testing.h"

#include "marblerun/marble.h"

static const char *const names[] = {
	"EDG_MARBLE_TYPE", "EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_DNS_NAMES", "EDG_MARBLE_UUID_FILE",
	"EDG_MARBLE_COORDINATOR_POLICY", "EDG_MARBLE_COORDINATOR_SIM_ROOT", "EDG_MARBLE_ACTIVATION_TIMEOUT",
	"OE_SIMULATION", "MARBLERUN_SIM_PLATFORM",
};

static int clear(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	return setenv("EDG_MARBLE_TYPE", "app", 1);
}

static void read_options(struct marblerun_activation_options *o)
{
	char reason[MARBLERUN_REASON_SIZE] = "";
	if (marblerun_activation_options_of_environment(o, reason) != 0)
		fail_msg("%s", reason);
}

static void assert_bad(const char *name, const char *value, const char *part)
{
	char reason[MARBLERUN_REASON_SIZE] = "";
	struct marblerun_activation_options o;
	setenv(name, value, 1);
	assert_int_equal(marblerun_activation_options_of_environment(&o, reason), 1);
	assert_says(reason, name);
	assert_says(reason, part);
	unsetenv(name);
}

static void defaults(void **state)
{
	(void)state;
	struct marblerun_activation_options o;
	read_options(&o);
	assert_string_equal(o.coordinator_address, "localhost:2001");
	assert_string_equal(o.type, "app");
	assert_string_equal(o.dns_names, "localhost");
	assert_string_equal(o.uuid_file, "uuid");
	assert_null(o.coordinator_policy);
	assert_null(o.sim_root);
	assert_int_equal(o.timeout_s, 300);
	assert_false(o.plain_simulation);
}

static void values(void **state)
{
	(void)state;
	struct marblerun_activation_options o;
	setenv("EDG_MARBLE_COORDINATOR_ADDR", "mesh:1", 1);
	setenv("EDG_MARBLE_DNS_NAMES", "a,b", 1);
	setenv("EDG_MARBLE_UUID_FILE", "/u", 1);
	setenv("EDG_MARBLE_COORDINATOR_POLICY", "/p", 1);
	setenv("EDG_MARBLE_COORDINATOR_SIM_ROOT", "/r", 1);
	setenv("EDG_MARBLE_ACTIVATION_TIMEOUT", "7", 1);
	setenv("OE_SIMULATION", "1", 1);
	read_options(&o);
	assert_string_equal(o.coordinator_address, "mesh:1");
	assert_string_equal(o.dns_names, "a,b");
	assert_string_equal(o.uuid_file, "/u");
	assert_string_equal(o.coordinator_policy, "/p");
	assert_string_equal(o.sim_root, "/r");
	assert_int_equal(o.timeout_s, 7);
	assert_true(o.plain_simulation);
}

/* Set but empty is not "not set": it must not turn verification off. */
static void an_empty_policy_stays_one(void **state)
{
	(void)state;
	struct marblerun_activation_options o;
	setenv("EDG_MARBLE_COORDINATOR_POLICY", "", 1);
	read_options(&o);
	assert_string_equal(o.coordinator_policy, "");
}

static void mistakes(void **state)
{
	(void)state;
	static const char *const times[] = { "0", "-1", "1s", " 1", "86401", "99999999999999999999",
					     "1.5" };
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_bad("EDG_MARBLE_ACTIVATION_TIMEOUT", times[i], "seconds from 1 to 86400");
	assert_bad("OE_SIMULATION", "true", "1 or 0");
	assert_bad("EDG_MARBLE_TYPE", "", "manifest");
}

static void two_simulations(void **state)
{
	(void)state;
	setenv("OE_SIMULATION", "1", 1);
	assert_bad("MARBLERUN_SIM_PLATFORM", "/dir", "choose one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(defaults, clear), cmocka_unit_test_setup(values, clear),
		cmocka_unit_test_setup(an_empty_policy_stays_one, clear),
		cmocka_unit_test_setup(mistakes, clear), cmocka_unit_test_setup(two_simulations, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
