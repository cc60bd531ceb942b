/* marblerun_policy_…: a package's rules for relying parties (marblerun/verify.h). */
#include <stdio.h>

#include "manifest/package.h"
#include "manifest/parse.h"
#include "manifest/policy.h"

enum { POLICY_SIZE_MAX = 1 << 20 }; /* bytes */

struct marblerun_policy {
	struct arena arena;
	struct package package;
};

/* Stricter than a manifest with Debug, looser with a UniqueID: a relying party's file must name
 * something, or any software would satisfy it; and public configuration files give UniqueID and
 * the rest together. */
static error *check_policy(const struct package *p, const struct place *at)
{
	if (p->placeholder)
		return refuse(at, "\"%s\" is a placeholder: 64 hexadecimal digits expected",
			      shown(p->placeholder).text);
	if (p->has_unique_id || (p->debug && (p->has_signer_id || p->has_product_id)))
		return NULL;
	if (p->debug && !p->tdx.given && !p->snp.given)
		return refuse(at, "UniqueID, SignerID or ProductID expected");
	return package_check(p, at);
}

static error *parse_policy(bytes text, struct marblerun_policy *policy)
{
	CLEANUP_JSON json_t *json = NULL;
	struct place at = { NULL, "policy", 0 };
	if (text.size > POLICY_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "policy: %zu bytes, at most %d expected", text.size,
				 POLICY_SIZE_MAX);
	TRY(json_parse(text, at.name, &json));
	TRY(package_parse(json, at.name, &policy->arena, &policy->package));
	return check_policy(&policy->package, &at);
}

static int give_reason(error *e, char reason[MARBLERUN_REASON_SIZE])
{
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}

int marblerun_policy_parse(const char *json, size_t size, marblerun_policy **ret,
			   char reason[MARBLERUN_REASON_SIZE])
{
	marblerun_policy *policy = calloc(1, sizeof *policy);
	error *e = policy ? parse_policy(bytes_of(json, size), policy) : error_no_memory();
	if (e)
		marblerun_policy_free(policy);
	else
		*ret = policy;
	return give_reason(e, reason);
}

void marblerun_policy_free(marblerun_policy *policy)
{
	if (!policy)
		return;
	arena_free(&policy->arena);
	free(policy);
}

int marblerun_policy_check(const marblerun_policy *policy, const struct marblerun_verdict *verdict,
			   char reason[MARBLERUN_REASON_SIZE])
{
	return give_reason(package_admits(&policy->package, verdict), reason);
}
