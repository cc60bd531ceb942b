#include "testing.h"

#include "cli/policy.h"

static const char id[] = "{\"UniqueID\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"%s}";

static void put_policy(const char *more)
{
	char text[512];
	snprintf(text, sizeof text, "{\"UniqueID\":\"00112233445566778899aabbccddeeff00112233445566778899"
				    "aabbccddeeff\"%s}", more);
	put("era.json", text, 0600);
}

/* 0: the verdict of such a coordinator is accepted. */
static int judge(const struct flag_values *flags, enum marblerun_tcb_status status, const char *advisory)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(policy_free) marblerun_policy *policy = NULL;
	struct marblerun_verdict v = { .genuine = true, .tcb_status = status,
				       .claims.tee = MARBLERUN_TEE_SGX };
	for (size_t i = 0; i < 32; i++)
		v.claims.sgx.mrenclave[i] = (uint8_t)(i % 16 * 0x11);
	if (advisory) {
		v.advisory_count = 1;
		snprintf(v.advisories[0], MARBLERUN_ADVISORY_SIZE, "%s", advisory);
	}
	must(policy_load("era.json", flags, &policy));
	return marblerun_policy_check(policy, &v, reason);
}

static void what_the_file_says(void **state)
{
	(void)state;
	const struct flag_values none = { 0 };
	put_policy("");
	assert_int_equal(judge(&none, MARBLERUN_TCB_UP_TO_DATE, NULL), 0);
	assert_int_equal(judge(&none, MARBLERUN_TCB_SW_HARDENING_NEEDED, "INTEL-SA-1"), 0);
	assert_int_not_equal(judge(&none, MARBLERUN_TCB_OUT_OF_DATE, NULL), 0);
	put_policy(",\"AcceptedTCBStatuses\":[\"OutOfDate\"]");
	assert_int_equal(judge(&none, MARBLERUN_TCB_OUT_OF_DATE, NULL), 0);
	assert_int_not_equal(judge(&none, MARBLERUN_TCB_SW_HARDENING_NEEDED, NULL), 0);
}

static void flags_replace_it(void **state)
{
	(void)state;
	struct flag_values flags = { .values[FLAG_ACCEPTED_TCB_STATUSES] = "UpToDate,SWHardeningNeeded",
				     .values[FLAG_ACCEPTED_ADVISORIES] = "INTEL-SA-1" };
	put_policy(",\"acceptedtcbstatuses\":[\"OutOfDate\"],\"AcceptedAdvisories\":[\"INTEL-SA-2\"]");
	assert_int_not_equal(judge(&flags, MARBLERUN_TCB_OUT_OF_DATE, NULL), 0);
	assert_int_equal(judge(&flags, MARBLERUN_TCB_UP_TO_DATE, NULL), 0);
	assert_int_equal(judge(&flags, MARBLERUN_TCB_SW_HARDENING_NEEDED, "INTEL-SA-1"), 0);
	assert_int_not_equal(judge(&flags, MARBLERUN_TCB_SW_HARDENING_NEEDED, "INTEL-SA-2"), 0);
}

static void assert_bad(const char *text, const struct flag_values *flags, const char *part)
{
	marblerun_policy *policy = NULL;
	put("era.json", text, 0600);
	assert_refused(policy_load("era.json", flags, &policy), ERROR_INVALID, "era.json", part);
	assert_null(policy);
}

static void what_is_no_policy(void **state)
{
	(void)state;
	const struct flag_values none = { 0 };
	struct flag_values flags = { .values[FLAG_ACCEPTED_TCB_STATUSES] = "Fine" };
	char good[256];
	marblerun_policy *policy = NULL;
	assert_bad("", &none, "line 1");
	assert_bad("{", &none, "line 1");
	assert_bad("[]", &none, "JSON array");
	assert_bad("{}", &none, "UniqueID");
	assert_bad("{\"UniqueId2\":1}", &none, "UniqueId2");
	snprintf(good, sizeof good, id, "");
	assert_bad(good, &flags, "Fine");
	flags.values[FLAG_ACCEPTED_TCB_STATUSES] = "\xff";
	assert_bad(good, &flags, "UTF-8");
	assert_refused(policy_load("nowhere", &none, &policy), ERROR_NOT_FOUND, "--era-config", "nowhere");
}

static void the_default_file(void **state)
{
	(void)state;
	struct flag_values flags = { 0 };
	assert_null(policy_file(&flags));
	put("coordinator-era.json", "{}", 0600);
	assert_string_equal(policy_file(&flags), "coordinator-era.json");
	flags.values[FLAG_ERA_CONFIG] = "other";
	assert_string_equal(policy_file(&flags), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(what_the_file_says), in_folder(flags_replace_it), in_folder(what_is_no_policy),
		in_folder(the_default_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
