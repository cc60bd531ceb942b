#include "testing.h"

#include "cli/command.h"

static const struct command report = { .name = "report", .own = { FLAG_OUTPUT_FORMAT, FLAG_DAYS,
	FLAG_ADVISORY, FLAG_DEBUG } };
static const struct command fetch = { .name = "fetch", .own = { FLAG_OUTPUT_FILE, FLAG_SIGNATURE } };

#define ARGUMENTS(...) ((const char *[]){ "marblerun", __VA_ARGS__, NULL })

static error *parse(const struct command *command, const char **arguments, struct flag_values *ret,
		    int *first)
{
	int count = 0;
	while (arguments[count + 1])
		count++;
	return flags_parse(command, count, (char **)(uintptr_t)(arguments + 1), ret, first);
}

static void anywhere(void **state)
{
	(void)state;
	const char **arguments = ARGUMENTS("--era-config", "e.json", "report", "-i", "address", "--output=json");
	struct flag_values f;
	int first;
	must(parse(&report, arguments, &f, &first));
	assert_string_equal(f.values[FLAG_ERA_CONFIG], "e.json");
	assert_true(flag_given(&f, FLAG_INSECURE));
	assert_true(flags_want_json(&f));
	assert_false(flag_given(&f, FLAG_DEBUG));
	assert_string_equal(arguments[first + 1], "report");
	assert_string_equal(arguments[first + 2], "address");
}

/* The same name is a format for one command and a file for another. */
static void of_the_command(void **state)
{
	(void)state;
	struct flag_values f;
	int first;
	must(parse(&fetch, ARGUMENTS("-o", "json", "-s"), &f, &first));
	assert_string_equal(f.values[FLAG_OUTPUT_FILE], "json");
	assert_true(flag_given(&f, FLAG_SIGNATURE));
	assert_false(flags_want_json(&f));
	assert_refused(parse(&report, ARGUMENTS("-s"), &f, &first), ERROR_INVALID, "unknown flag -s");
	assert_refused(parse(&fetch, ARGUMENTS("--days", "3"), &f, &first), ERROR_INVALID,
		       "unknown flag --days");
}

static void in_front_of_the_command(void **state)
{
	(void)state;
	struct flag_values f;
	int first;
	must(parse(NULL, ARGUMENTS("-n", "name", "status", "--output", "x"), &f, &first));
	assert_int_equal(first, 2);
	assert_string_equal(f.values[FLAG_NAMESPACE], "name");
	must(parse(NULL, ARGUMENTS("--cert", "a", "-k", "b", "-o", "file", "--days=x", "secret"), &f, &first));
	assert_int_equal(first, 7);
	assert_refused(parse(NULL, ARGUMENTS("--nonsense", "secret"), &f, &first), ERROR_INVALID,
		       "unknown flag --nonsense");
}

static void numbers_and_repetition(void **state)
{
	(void)state;
	struct flag_values f;
	int first;
	must(parse(&report, ARGUMENTS("--days", "30", "--advisory", "A", "--advisory=B"), &f, &first));
	assert_int_equal(f.numbers[FLAG_DAYS], 30);
	assert_int_equal(f.repeated_count, 2);
	assert_string_equal(f.repeated[0], "A");
	assert_string_equal(f.repeated[1], "B");
}

static void mistakes(void **state)
{
	(void)state;
	static const char *const days[] = { "0", "36501", "-1", "1x", "", " 1", "99999999999999999999" };
	struct flag_values f;
	int first;
	for (size_t i = 0; i < ARRAY_SIZE(days); i++)
		assert_refused(parse(&report, ARGUMENTS("--days", days[i]), &f, &first), ERROR_INVALID,
			       "--days", "from 1 to 36500");
	assert_refused(parse(&report, ARGUMENTS("--output", "yaml"), &f, &first), ERROR_INVALID, "\"yaml\"",
		       "text or json");
	assert_refused(parse(&report, ARGUMENTS("--nonsense"), &f, &first), ERROR_INVALID,
		       "unknown flag --nonsense");
	assert_refused(parse(&report, ARGUMENTS("-x"), &f, &first), ERROR_INVALID, "unknown flag -x");
	assert_refused(parse(&report, ARGUMENTS("--era-config"), &f, &first), ERROR_INVALID,
		       "--era-config needs a value");
	assert_refused(parse(&report, ARGUMENTS("-o"), &f, &first), ERROR_INVALID, "-o needs a value");
	assert_refused(parse(&report, ARGUMENTS("--insecure=no"), &f, &first), ERROR_INVALID,
		       "--insecure=no takes no value");
}

static void too_many_advisories(void **state)
{
	(void)state;
	const char *arguments[FLAG_REPEAT_MAX + 3] = { "marblerun" };
	struct flag_values f;
	int first;
	for (size_t i = 1; i <= FLAG_REPEAT_MAX; i++)
		arguments[i] = "--advisory=A";
	must(parse(&report, arguments, &f, &first));
	arguments[FLAG_REPEAT_MAX + 1] = "--advisory=A";
	for (size_t i = 1; i <= FLAG_REPEAT_MAX; i++)
		arguments[i] = "--advisory=A";
	assert_refused(parse(&report, arguments, &f, &first), ERROR_INVALID, "more than 64");
}

static void every_flag_is_described(void **state)
{
	(void)state;
	char name[64];
	const char *text;
	for (enum flag flag = FLAG_HELP; flag < FLAG_COUNT; flag++) {
		assert_true(flag_describe(flag, name, sizeof name, &text));
		assert_true(strlen(name) < sizeof name - 1 && *text);
	}
	assert_true(flag_describe(FLAG_INSECURE, name, sizeof name, &text));
	assert_string_equal(name, "-i, --insecure");
	assert_true(flag_describe(FLAG_NONCE, name, sizeof name, &text));
	assert_string_equal(name, "    --nonce TEXT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anywhere), cmocka_unit_test(of_the_command),
		cmocka_unit_test(in_front_of_the_command), cmocka_unit_test(numbers_and_repetition),
		cmocka_unit_test(mistakes), cmocka_unit_test(too_many_advisories),
		cmocka_unit_test(every_flag_is_described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
