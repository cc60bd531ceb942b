/* The data plane's configuration, as the launcher gets it and as it hands it over. */
#include "ttls/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plane_policy policy = { 0 }, again = { 0 };
	struct writer w = { .secret = true };
	error *e = plane_policy_of_config(bytes_of(data, size), &policy);
	if (!e) {
		plane_policy_write(&policy, &w);
		e = plane_policy_read(writer_view(&w), &again);
		if (e)
			__builtin_trap(); /* what is written is read */
	}
	error_free(e);
	plane_policy_free(&again);
	plane_policy_free(&policy);
	writer_free(&w);
	e = plane_policy_read(bytes_of(data, size), &policy);
	error_free(e);
	plane_policy_free(&policy);
	return 0;
}
