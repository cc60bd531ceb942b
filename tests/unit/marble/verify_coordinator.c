/* marblerun_verify_coordinator, as a relying party of the client API uses it. */
#include "testing.h"

#include "base/clock.h"
#include "fake_coordinator.h"

static const char nonce[] = "a question of mine";

struct scene {
	struct ca ca, other;
	struct fake_statement made;
	marblerun_verifier *verifier;
	marblerun_policy *policy;
	marblerun_collateral_set *collateral;
	struct marblerun_statement statement;
};

static struct marblerun_bytes view(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

static void set_scene(struct scene *s, enum lie lie)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(blob_free) struct blob root = { 0 };
	CLEANUP(blob_free) struct blob policy = { 0 };
	*s = (struct scene){ 0 };
	platform_make();
	fake_ca(&s->ca);
	fake_ca(&s->other);
	statement_make(&s->ca, &s->other, bytes_of_string(nonce), lie, &s->made);
	s->verifier = marblerun_verifier_new();
	must(file_read("platform/root_ca.pem", 65536, &root));
	assert_int_equal(marblerun_verifier_trust_simulated(s->verifier, view(&root), reason), 0);
	must(file_read("policy.json", 65536, &policy));
	assert_int_equal(marblerun_policy_parse((char *)policy.data, policy.size, &s->policy, reason), 0);
	assert_int_equal(marblerun_collateral_parse(s->made.collateral, strlen(s->made.collateral),
						    &s->collateral, reason), 0);
	s->statement = (struct marblerun_statement){
		.evidence = view(&s->made.evidence), .certificate_chain = view(&s->made.chain),
		.nonce = { (const uint8_t *)nonce, sizeof nonce - 1 },
		.peer_certificate = view(&s->made.root_der), .channel = MARBLERUN_CHANNEL_CLIENT_API,
		.collateral = marblerun_collateral_of(s->collateral),
	};
}

static void strike(struct scene *s)
{
	marblerun_collateral_free(s->collateral);
	marblerun_policy_free(s->policy);
	marblerun_verifier_free(s->verifier);
	statement_free(&s->made);
	ca_free(&s->ca);
	ca_free(&s->other);
}

static void accepted(struct scene *s, int64_t at)
{
	char reason[MARBLERUN_REASON_SIZE];
	struct marblerun_verdict verdict;
	if (marblerun_verify_coordinator(s->verifier, &s->statement, s->policy, at, &verdict, reason) != 0)
		fail_msg("%s", reason);
	assert_true(verdict.genuine);
	assert_true(verdict.claims.simulated);
}

static void refused(struct scene *s, int64_t at, const char *part)
{
	char reason[MARBLERUN_REASON_SIZE];
	assert_int_equal(marblerun_verify_coordinator(s->verifier, &s->statement, s->policy, at, NULL,
						      reason), 1);
	assert_says(reason, part);
}

static void the_truth(void **state)
{
	(void)state;
	struct scene s;
	set_scene(&s, TRUTH);
	accepted(&s, clock_now());
	s.statement.channel = MARBLERUN_CHANNEL_MARBLE_API;
	s.statement.peer_certificate = view(&s.made.served_der);
	accepted(&s, clock_now());
	strike(&s);
}

/* Exactly the root for the client API; exactly the intermediate's key for the marble API. */
static void another_certificate_on_the_channel(void **state)
{
	(void)state;
	struct scene s;
	CLEANUP(blob_free) struct blob intermediate = { 0 };
	set_scene(&s, TRUTH);
	must(certificate_der(s.ca.intermediate, &intermediate));
	s.statement.peer_certificate = view(&intermediate);
	refused(&s, clock_now(), "not served with the root certificate");
	s.statement.peer_certificate = (struct marblerun_bytes){ 0 };
	refused(&s, clock_now(), "not served with the root certificate");
	s.statement.channel = MARBLERUN_CHANNEL_MARBLE_API;
	refused(&s, clock_now(), "not served with the intermediate key");
	s.statement.peer_certificate = view(&s.made.root_der);
	refused(&s, clock_now(), "not served with the intermediate key");
	s.statement.peer_certificate = view(&intermediate);
	accepted(&s, clock_now());
	s.statement.channel = 0;
	refused(&s, clock_now(), "unknown channel");
	strike(&s);
}

static void another_nonce(void **state)
{
	(void)state;
	struct scene s;
	set_scene(&s, TRUTH);
	s.statement.nonce.size--;
	refused(&s, clock_now(), "not for this root certificate and nonce");
	s.statement.nonce = (struct marblerun_bytes){ 0 };
	refused(&s, clock_now(), "not for this root certificate");
	strike(&s);
}

static void lies(void **state)
{
	(void)state;
	static const struct {
		enum lie lie;
		const char *part;
	} cases[] = {
		{ LIE_NO_EVIDENCE, "shows no evidence" },
		{ LIE_OTHER_ROOT, "does not vouch for its intermediate" },
		{ LIE_ROOT_TWICE, "its root twice" },
		{ LIE_CHAIN_CUT, "2 expected" },
		{ LIE_DAMAGED_EVIDENCE, "signature" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		set_scene(&s, cases[i].lie);
		refused(&s, clock_now(), cases[i].part);
		strike(&s);
	}
}

static void without_policy_or_endorsements_or_at_another_time(void **state)
{
	(void)state;
	struct scene s;
	set_scene(&s, TRUTH);
	refused(&s, clock_now() + 400 * 86400, "expired");
	s.statement.collateral = NULL;
	refused(&s, clock_now(), "endorsements");
	s.statement.collateral = marblerun_collateral_of(s.collateral);
	marblerun_policy_free(s.policy);
	s.policy = NULL;
	refused(&s, clock_now(), "no policy");
	strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(the_truth), in_folder(another_certificate_on_the_channel),
		in_folder(another_nonce), in_folder(lies),
		in_folder(without_policy_or_endorsements_or_at_another_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
