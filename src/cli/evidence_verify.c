/* Judging evidence without a coordinator: genuine, and what was asked for? */
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/evidence.h"
#include "cli/output.h"
#include "cli/policy.h"
#include "cli/verdict.h"
#include "codec/hex.h"
#include "codec/timestamp.h"
#include "endorsements/service.h"

enum { ROOT_SIZE_MAX = 1 << 16, REPORT_DATA_SIZE = 64 };

static void verifier_free(marblerun_verifier *verifier)
{
	marblerun_verifier_free(verifier);
}
DEFINE_CLEANUP(verifier_free, marblerun_verifier *)

static void collateral_free(marblerun_collateral_set *set)
{
	marblerun_collateral_free(set);
}
DEFINE_CLEANUP(collateral_free, marblerun_collateral_set *)

/* Everything that the judgement depends on. */
struct case_file {
	const struct flag_values *flags;
	struct blob evidence;
	marblerun_collateral_set *collateral;
	struct endorsement_service *service; /* --pccs */
	marblerun_verifier *verifier;
	marblerun_policy *policy; /* NULL: none given */
	int64_t at;
	struct blob report_data; /* empty: not asked for */
	struct marblerun_verdict verdict;
};

static void case_free(struct case_file *c)
{
	blob_free(&c->evidence);
	blob_free(&c->report_data);
	collateral_free(c->collateral);
	endorsement_service_close(c->service);
	verifier_free(c->verifier);
	policy_free(c->policy);
}
DEFINE_CLEANUP_IN_PLACE(case_free, struct case_file)

static error *read_time(const char *text, int64_t *ret)
{
	char *end;
	if (!text) {
		*ret = clock_now();
		return NULL;
	}
	long long seconds = strtoll(text, &end, 10);
	if (*text && !*end) {
		*ret = seconds;
		return NULL;
	}
	error *e = timestamp_parse(bytes_of_string(text), "--at", ret);
	if (!e)
		return NULL;
	error_free(e);
	return error_new(ERROR_INVALID, "--at is \"%s\": seconds since 1970 or a time such as "
			 "2026-01-31T12:00:00Z is expected", text);
}

static error *trust(struct case_file *c, enum flag flag)
{
	CLEANUP(blob_free) struct blob root = { 0 };
	const char *path = c->flags->values[flag];
	char reason[MARBLERUN_REASON_SIZE];
	if (!path)
		return NULL;
	TRY(file_read(path, ROOT_SIZE_MAX, &root));
	if (marblerun_verifier_trust_simulated(c->verifier, (struct marblerun_bytes){ root.data, root.size },
					       reason) != 0)
		return error_new(ERROR_INVALID, "%s: %s", path, reason);
	return NULL;
}

static error *read_collateral(struct case_file *c)
{
	char reason[MARBLERUN_REASON_SIZE];
	const char *folder = c->flags->values[FLAG_COLLATERAL];
	if (folder && marblerun_collateral_read(folder, &c->collateral, reason) != 0)
		return error_new(ERROR_UNAVAILABLE, "--collateral: %s", reason);
	return NULL;
}

/* An Intel service for quotes; AMD's for reports has the same flag: evidence says which is meant. */
static error *open_service(struct case_file *c)
{
	const char *url = c->flags->values[FLAG_PCCS];
	struct endorsement_service_options options = { url, url, NULL };
	if (!url)
		return NULL;
	if (c->collateral)
		return error_new(ERROR_INVALID, "--collateral and --pccs: one of them is expected");
	return endorsement_service_open(&options, &c->service);
}

static error *open_case(const struct invocation *call, struct case_file *c)
{
	const char *policy = call->flags.values[FLAG_POLICY];
	const char *report_data = call->flags.values[FLAG_REPORT_DATA];
	c->flags = &call->flags;
	TRY(read_time(call->flags.values[FLAG_AT], &c->at));
	if (report_data)
		TRY(hex_decode(bytes_of_string(report_data), "--report-data", &c->report_data));
	if (c->report_data.size > REPORT_DATA_SIZE)
		return error_new(ERROR_INVALID, "--report-data: %zu bytes; at most 64 are expected",
				 c->report_data.size);
	c->verifier = marblerun_verifier_new();
	TRY_ALLOC(c->verifier);
	TRY(trust(c, FLAG_ROOT));
	TRY(trust(c, FLAG_SIM_ROOT));
	if (policy)
		TRY(policy_load(policy, &call->flags, &c->policy));
	TRY(evidence_read(call->arguments[0], &c->evidence));
	TRY(read_collateral(c));
	return open_service(c);
}

/* Is a name in a comma-separated list? */
static bool listed(const char *list, const char *name)
{
	size_t size = strlen(name);
	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == size && strncmp(list, name, size) == 0)
			return true;
	return false;
}

/* Without a policy the defaults of a package hold. They speak of Intel's statuses: AMD publishes none,
 * "OutOfDate" there says only that the platform reports less than it runs. */
static error *check_status(const struct case_file *c)
{
	const char *name = marblerun_tcb_status_name(c->verdict.tcb_status);
	const char *list = c->flags->values[FLAG_ACCEPTED_TCB_STATUSES];
	if (!list && c->verdict.claims.tee == MARBLERUN_TEE_SNP)
		return NULL;
	if (!list)
		list = "UpToDate,SWHardeningNeeded";
	if (listed(list, name))
		return NULL;
	return error_new(ERROR_DENIED, "TCB status %s is not accepted: %s %s", name,
			 c->flags->values[FLAG_ACCEPTED_TCB_STATUSES] ? "--accepted-tcb-statuses is" :
									 "the default is", list);
}

static error *check_advisories(const struct case_file *c)
{
	const char *list = c->flags->values[FLAG_ACCEPTED_ADVISORIES];
	if (!list || !*list || c->verdict.tcb_status != MARBLERUN_TCB_SW_HARDENING_NEEDED)
		return NULL;
	for (size_t i = 0; i < c->verdict.advisory_count; i++)
		if (!listed(list, c->verdict.advisories[i]))
			return error_new(ERROR_DENIED, "advisory %s is not accepted: --accepted-advisories is %s",
					 c->verdict.advisories[i], list);
	return NULL;
}

static error *check_report_data(const struct case_file *c)
{
	uint8_t expected[REPORT_DATA_SIZE] = { 0 };
	if (!c->flags->values[FLAG_REPORT_DATA])
		return NULL;
	memcpy(expected, c->report_data.data, c->report_data.size);
	if (memcmp(expected, c->verdict.claims.report_data, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the report data is not what --report-data says");
	return NULL;
}

static error *check_wishes(const struct case_file *c)
{
	char reason[MARBLERUN_REASON_SIZE];
	TRY(check_report_data(c));
	if (c->flags->values[FLAG_STRICT] && c->verdict.claims.padding)
		return error_new(ERROR_DENIED, "%zu bytes follow the evidence", c->verdict.claims.padding);
	if (c->policy) {
		if (marblerun_policy_check(c->policy, &c->verdict, reason) != 0)
			return error_new(ERROR_DENIED, "%s", reason);
		return NULL;
	}
	if (c->verdict.claims.debug && !flag_given(c->flags, FLAG_ALLOW_DEBUG))
		return error_new(ERROR_DENIED, "the TEE can be debugged; --allow-debug accepts that");
	TRY(check_status(c));
	return check_advisories(c);
}

static error *verify_with(struct case_file *c, const struct marblerun_collateral *collateral)
{
	struct marblerun_bytes evidence = { c->evidence.data, c->evidence.size };
	if (marblerun_verify(c->verifier, evidence, collateral, c->at, &c->verdict) != 0)
		return error_new(ERROR_DENIED, "%s", c->verdict.reason);
	return NULL;
}

static error *verify_with_service(struct case_file *c)
{
	const struct endorsements from = endorsement_service_use(c->service);
	const struct marblerun_collateral *collateral;
	void *hold;
	TRY(from.get(from.context, blob_view(&c->evidence), &collateral, &hold));
	error *e = verify_with(c, collateral);
	from.release(from.context, hold);
	return e;
}

/* ERROR_DENIED, with the step in the verdict; NULL: accepted. */
static error *judge(struct case_file *c)
{
	const struct marblerun_collateral *given = c->collateral ? marblerun_collateral_of(c->collateral) : NULL;
	TRY(c->service ? verify_with_service(c) : verify_with(c, given));
	error *e = check_wishes(c);
	if (e)
		c->verdict.step = MARBLERUN_STEP_POLICY;
	return e;
}

static error *put_claims(const struct case_file *c, json_t *to)
{
	CLEANUP_JSON json_t *claims = NULL;
	error *e = evidence_fields(blob_view(&c->evidence), &claims);
	if (e) { /* the refusal says why */
		error_free(e);
		claims = json_object();
	}
	TRY_ALLOC(claims);
	json_object_set_new(claims, "simulated", json_boolean(c->verdict.claims.simulated));
	if (c->verdict.claims.tee == MARBLERUN_TEE_SNP && *c->verdict.claims.snp.product)
		json_object_set_new(claims, "product", json_string(c->verdict.claims.snp.product));
	return json_object_set(to, "claims", claims) == 0 ? NULL : error_no_memory();
}

static error *print_json_verdict(const struct case_file *c, const error *refusal)
{
	const struct marblerun_verdict *v = &c->verdict;
	CLEANUP_JSON json_t *all = json_pack("{s:s}", "verdict", refusal ? "refused" : "accepted");
	TRY_ALLOC(all);
	if (refusal) {
		json_object_set_new(all, "step", json_string(marblerun_step_name(v->step)));
		json_object_set_new(all, "reason", json_string(error_message(refusal)));
	}
	TRY(verdict_judged_to_json(v, all));
	TRY(put_claims(c, all));
	return print_json(all);
}

static error *print_text_verdict(const struct case_file *c, const error *refusal)
{
	CLEANUP_JSON json_t *fields = NULL;
	if (refusal)
		return NULL; /* it is printed as the command's error */
	print_coloured(stdout, COLOUR_GREEN, "accepted\n");
	verdict_print(&c->verdict);
	TRY(evidence_fields(blob_view(&c->evidence), &fields));
	printf("\n");
	evidence_print_fields(fields);
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(case_free) struct case_file c = { 0 };
	TRY(open_case(call, &c));
	error *refusal = judge(&c);
	if (refusal && error_code(refusal) != ERROR_DENIED) /* nothing could be judged */
		return refusal;
	error *e = flags_want_json(&call->flags) ? print_json_verdict(&c, refusal) :
						   print_text_verdict(&c, refusal);
	if (e) {
		error_free(refusal);
		return e;
	}
	return error_wrap(refusal, "refused (%s)", marblerun_step_name(c.verdict.step));
}

const struct command evidence_verify_command = {
	.name = "evidence verify",
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.summary = "Judge a quote or report: is it genuine, and what was asked for?",
	.text = "Endorsements come from --collateral DIR, which holds tcb_info.json,\n"
		"tcb_info_issuer_chain.pem, qe_identity.json, qe_identity_issuer_chain.pem,\n"
		"pck_crl.der and root_ca_crl.der (and pck_chain.pem, for quotes that carry none),\n"
		"or vcek.der (vlek.der), ask.pem (asvk.pem), ark.pem and crl.der; or from --pccs\n"
		"URL. Without --policy, TEEs that can be debugged and TCB statuses other than\n"
		"UpToDate and SWHardeningNeeded are refused.\n",
	.examples = "  marblerun evidence verify quote.bin --collateral endorsements\n"
		    "  marblerun evidence verify report.bin --collateral milan --at 2026-03-01T00:00:00Z \\\n"
		    "    --policy package.json --output json\n",
	.own = { FLAG_OUTPUT_FORMAT, FLAG_COLLATERAL, FLAG_PCCS, FLAG_AT, FLAG_ROOT, FLAG_POLICY,
		 FLAG_ACCEPTED_TCB_STATUSES, FLAG_ACCEPTED_ADVISORIES, FLAG_ALLOW_DEBUG, FLAG_REPORT_DATA,
		 FLAG_STRICT },
	.local = true,
	.judges = true,
	.run = run,
};
