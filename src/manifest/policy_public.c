/* marblerun_policy_*: a package's rules for relying parties (marblerun/verify.h). */
#include <stdio.h>

#include "manifest/parse.h"
#include "manifest/policy.h"

struct marblerun_policy {
	struct arena arena;
	struct package package;
};

enum { POLICY_SIZE_MAX = 1 << 20 };

/* A package that says nothing would admit anything. */
static error *check_not_empty(const struct package *p)
{
	bool by_signer = p->has_signer_id && p->has_product_id && p->has_security_version;
	if (p->placeholder)
		return error_new(ERROR_INVALID, "policy: \"%.80s\" is no UniqueID or SignerID; 64 hexadecimal "
				 "digits are expected", p->placeholder);
	if (p->has_unique_id || by_signer || p->debug)
		return NULL;
	return error_new(ERROR_INVALID, "policy: UniqueID, or all of SignerID, ProductID and "
			 "SecurityVersion, are expected");
}

static error *parse(bytes text, struct marblerun_policy *policy)
{
	CLEANUP_JSON json_t *json = NULL;
	if (text.size > POLICY_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "policy: larger than %d bytes", POLICY_SIZE_MAX);
	TRY(json_parse(text, "policy", &json));
	TRY(package_parse(json, "policy", &policy->arena, &policy->package));
	return check_not_empty(&policy->package);
}

static int report(error *e, char *reason)
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
	error *e = policy ? parse(bytes_of(json, size), policy) : error_no_memory();
	if (e) {
		marblerun_policy_free(policy);
		return report(e, reason);
	}
	*ret = policy;
	return 0;
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
	return report(package_admits(&policy->package, verdict), reason);
}
