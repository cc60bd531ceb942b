/* Reviews that an API server, or a stranger, sends the injector. What is answered is a review again. */
#include "injector/review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct injection_rules rules = { "mesh:2001", "cluster.local", SGX_INTEL, TSM_RUNTIME_CLASSES };
	CLEANUP(review_answer_free) struct review_answer answer = { 0 };
	CLEANUP_JSON json_t *parsed = NULL;
	CLEANUP(error_free) error *e = review_answer(&rules, bytes_of(data, size), &answer);
	if (e)
		return 0;
	CLEANUP(error_free) error *broken = json_parse(blob_view(&answer.body), "answer", &parsed);
	if (broken || !json_object_get(parsed, "response"))
		__builtin_trap();
	return 0;
}
