/* Activation against a coordinator over the loopback: retries, refusals, and what is said to whom. */
#include "testing.h"

#include "base/clock.h"
#include "fake_coordinator.h"
#include "marblerun/marble.h"

static struct marblerun_activation_options options_for(const struct fake_coordinator *fake)
{
	return (struct marblerun_activation_options){
		.coordinator_address = fake->address, .type = "app", .dns_names = "a.example",
		.uuid_file = "uuid", .timeout_s = 20,
	};
}

/* With the policy for this program, and the platform's root named. */
static struct marblerun_activation_options verifying(const struct fake_coordinator *fake)
{
	struct marblerun_activation_options o = options_for(fake);
	o.coordinator_policy = "policy.json";
	o.sim_root = "platform/root_ca.pem";
	return o;
}

/* The result; the fake is stopped then. */
static int activate(struct fake_coordinator *fake, const struct marblerun_activation_options *o,
		    char reason[MARBLERUN_REASON_SIZE])
{
	struct marblerun_parameters *p = NULL;
	reason[0] = 0;
	int result = marblerun_activate(o, &p, reason);
	fake_stop(fake);
	if (result == 0) {
		assert_string_equal(p->environment[0].name, "N");
		assert_string_equal(p->arguments[0], "-a");
	} else {
		assert_null(p);
	}
	marblerun_parameters_free(p);
	return result;
}

static void what_the_coordinator_is_told(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct fake_coordinator fake = { 0 };
	platform_make();
	fake_start(&fake);
	struct marblerun_activation_options o = options_for(&fake);
	assert_int_equal(activate(&fake, &o, reason), 0);
	assert_string_equal(fake.type, "app");
	assert_content("uuid", fake.uuid);
	assert_int_equal(fake.attestations, 0);
	/* the evidence is for the certificate of this connection: SHA-256, then zeros */
	uint8_t expected[64] = { 0 };
	memcpy(expected, fake.client_certificate_hash, 32);
	assert_memory_equal(fake.evidence.data + 368, expected, sizeof expected);
	CLEANUP(san_free) struct san_list names = { 0 };
	must(request_names(blob_view(&fake.request), &names));
	assert_int_equal(names.count, 1);
	assert_string_equal(names.items[0].name, "a.example");
	fake_free(&fake);
}

static void plain_simulation_sends_no_evidence(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct fake_coordinator fake = { 0 };
	unsetenv("MARBLERUN_SIM_PLATFORM");
	fake_start(&fake);
	struct marblerun_activation_options o = options_for(&fake);
	o.plain_simulation = true;
	assert_int_equal(activate(&fake, &o, reason), 0);
	assert_int_equal(fake.evidence.size, 0);
	fake_free(&fake);
}

static void without_a_tee_it_refuses(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct fake_coordinator fake = { 0 };
	unsetenv("MARBLERUN_SIM_PLATFORM");
	fake_start(&fake);
	struct marblerun_activation_options o = options_for(&fake);
	assert_int_equal(activate(&fake, &o, reason), 1);
	assert_says(reason, "no TEE found");
	assert_says(reason, "OE_SIMULATION=1");
	assert_int_equal(fake.activations, 0);
	fake_free(&fake);
}

static void count_reasons(void *context, const char *reason)
{
	assert_says(reason, "not for you");
	++*(int *)context;
}

static void waits_until_the_coordinator_accepts(void **state)
{
	(void)state;
	static const enum error_code codes[] = { ERROR_WRONG_STATE, ERROR_UNAVAILABLE };
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		char reason[MARBLERUN_REASON_SIZE];
		int waits = 0;
		struct fake_coordinator fake = { .refuse_first = 2, .refuse_code = codes[i] };
		fake_start(&fake);
		struct marblerun_activation_options o = options_for(&fake);
		o.plain_simulation = true;
		o.waiting = count_reasons;
		o.context = &waits;
		assert_int_equal(activate(&fake, &o, reason), 0);
		assert_int_equal(fake.activations, 3);
		assert_int_equal(waits, 2);
		fake_free(&fake);
	}
}

static void refusals_are_final(void **state)
{
	(void)state;
	static const enum error_code codes[] = {
		ERROR_INVALID, ERROR_UNAUTHENTICATED, ERROR_DENIED, ERROR_NOT_FOUND, ERROR_CONFLICT,
		ERROR_TOO_LARGE, ERROR_UNSUPPORTED, ERROR_INTERNAL,
	};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		char reason[MARBLERUN_REASON_SIZE];
		struct fake_coordinator fake = { .refuse_first = 100, .refuse_code = codes[i] };
		fake_start(&fake);
		struct marblerun_activation_options o = options_for(&fake);
		o.plain_simulation = true;
		assert_int_equal(activate(&fake, &o, reason), 1);
		assert_says(reason, "not for you");
		assert_says(reason, fake.address);
		assert_int_equal(fake.activations, 1);
		fake_free(&fake);
	}
}

static void gives_up_in_time(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct fake_coordinator fake = { .refuse_first = 100, .refuse_code = ERROR_WRONG_STATE };
	fake_start(&fake);
	struct marblerun_activation_options o = options_for(&fake);
	o.plain_simulation = true;
	o.timeout_s = 1;
	int64_t begin = clock_monotonic_ms();
	assert_int_equal(activate(&fake, &o, reason), 2);
	assert_in_range(clock_monotonic_ms() - begin, 990, 3000);
	assert_says(reason, "gave up after 1 seconds");
	assert_says(reason, "not for you");
	assert_true(fake.activations > 2);
	fake_free(&fake);
}

static void nobody_there(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE] = "";
	struct marblerun_parameters *p = NULL;
	struct marblerun_activation_options o = { .coordinator_address = "127.0.0.1:1", .type = "app",
						  .dns_names = "a", .uuid_file = "uuid", .timeout_s = 1,
						  .plain_simulation = true };
	assert_int_equal(marblerun_activate(&o, &p, reason), 2);
	assert_says(reason, "127.0.0.1:1");
	assert_says(reason, "refused");
}

static void a_verified_coordinator(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct fake_coordinator fake = { .attest_refuse_first = 1 };
	platform_make();
	fake_start(&fake);
	struct marblerun_activation_options o = verifying(&fake);
	if (activate(&fake, &o, reason) != 0)
		fail_msg("%s", reason);
	assert_int_equal(fake.attestations, 2);
	assert_int_equal(fake.activations, 1);
	fake_free(&fake);
}

static void a_lying_coordinator_is_told_nothing(void **state)
{
	(void)state;
	static const char *const reasons[] = {
		[LIE_NO_EVIDENCE] = "shows no evidence",
		[LIE_OTHER_NONCE] = "not for this root certificate and nonce",
		[LIE_RELAYED] = "somebody is in between",
		[LIE_OTHER_ROOT] = "root does not vouch for its intermediate",
		[LIE_ROOT_TWICE] = "its root twice",
		[LIE_CHAIN_CUT] = "1 certificate in PEM found, 2 expected",
		[LIE_DAMAGED_EVIDENCE] = "signature",
	};
	platform_make();
	for (enum lie lie = LIE_NO_EVIDENCE; lie <= LIE_DAMAGED_EVIDENCE; lie++) {
		char reason[MARBLERUN_REASON_SIZE];
		struct fake_coordinator fake = { .lie = lie };
		fake_start(&fake);
		struct marblerun_activation_options o = verifying(&fake);
		assert_int_equal(activate(&fake, &o, reason), 1);
		assert_says(reason, reasons[lie]);
		assert_int_equal(fake.attestations, 1);
		assert_int_equal(fake.activations, 0);
		fake_free(&fake);
	}
}

static void what_the_policy_does_not_admit(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	struct fake_coordinator fake = { 0 };
	platform_make();
	fake_start(&fake);
	struct marblerun_activation_options o = verifying(&fake);
	o.sim_root = NULL;
	struct marblerun_parameters *p;
	assert_int_equal(marblerun_activate(&o, &p, reason), 1);
	assert_says(reason, "not trusted");
	assert_says(reason, "EDG_MARBLE_COORDINATOR_SIM_ROOT");
	o.sim_root = "platform/root_ca.pem";
	put("policy.json", "{\"UniqueID\":\"abababababababababababababababababababababababababababababababab\"}",
	    0600);
	assert_int_equal(activate(&fake, &o, reason), 1);
	assert_says(reason, "UniqueID");
	assert_int_equal(fake.activations, 0);
	fake_free(&fake);
}

/* Each mistake is found before anybody is called. */
static void settings_that_make_no_sense(void **state)
{
	(void)state;
	struct marblerun_parameters *p;
	char reason[MARBLERUN_REASON_SIZE];
	const struct marblerun_activation_options good = { .coordinator_address = "127.0.0.1:1",
		.type = "app", .dns_names = "a", .uuid_file = "uuid", .plain_simulation = true };
	struct marblerun_activation_options o = good;
	platform_make();
	put("empty", "", 0600);
#define REFUSES(member, value, ...)                                                                \
	do {                                                                                       \
		o = good;                                                                          \
		o.member = value;                                                                  \
		assert_int_equal(marblerun_activate(&o, &p, reason), 1);                           \
		for (const char *const *part = (const char *[]){ __VA_ARGS__, NULL }; *part; part++) \
			assert_says(reason, *part);                                                \
	} while (0)
	REFUSES(coordinator_address, "nonsense", "EDG_MARBLE_COORDINATOR_ADDR", "\"nonsense\"");
	REFUSES(type, "", "type");
	REFUSES(dns_names, "two words", "EDG_MARBLE_DNS_NAMES", "two words");
	REFUSES(uuid_file, "policy.json", "EDG_MARBLE_UUID_FILE", "policy.json");
	REFUSES(coordinator_policy, "nowhere", "EDG_MARBLE_COORDINATOR_POLICY", "nowhere");
	REFUSES(coordinator_policy, "", "EDG_MARBLE_COORDINATOR_POLICY");
	REFUSES(coordinator_policy, "empty", "policy for the coordinator empty");
	REFUSES(sim_root, "platform/root_ca.pem", "EDG_MARBLE_COORDINATOR_SIM_ROOT", "needs a policy");
#undef REFUSES
	o = good;
	o.coordinator_policy = "policy.json";
	o.sim_root = "policy.json";
	assert_int_equal(marblerun_activate(&o, &p, reason), 1);
	assert_says(reason, "simulated root of the coordinator policy.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(what_the_coordinator_is_told), in_folder(plain_simulation_sends_no_evidence),
		in_folder(without_a_tee_it_refuses), in_folder(waits_until_the_coordinator_accepts),
		in_folder(refusals_are_final), in_folder(gives_up_in_time), in_folder(nobody_there),
		in_folder(a_verified_coordinator), in_folder(a_lying_coordinator_is_told_nothing),
		in_folder(what_the_policy_does_not_admit), in_folder(settings_that_make_no_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
