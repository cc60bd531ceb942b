/* Manifests from strangers: parsed, checked, and used as a policy. */
#include "manifest/check.h"
#include "manifest/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[MARBLERUN_REASON_SIZE];
	struct manifest *m = NULL;
	marblerun_policy *policy = NULL;
	error *e = manifest_parse(bytes_of(data, size), &m);
	if (!e)
		e = manifest_check(m);
	error_free(e);
	manifest_free(m);
	if (marblerun_policy_parse((const char *)data, size, &policy, reason) == 0)
		marblerun_policy_free(policy);
	return 0;
}
