/* Evidence and endorsements from strangers. Input: two bytes of size of the evidence (little endian), the
 * evidence, then endorsements as the JSON object that coordinators hand out. */
#include "marblerun/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static marblerun_verifier *verifier;
	static struct marblerun_verdict verdict;
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_collateral_set *set = NULL;
	if (size < 2)
		return 0;
	if (!verifier)
		verifier = marblerun_verifier_new();
	size_t evidence_size = data[0] | (size_t)data[1] << 8;
	if (evidence_size > size - 2)
		evidence_size = size - 2;
	struct marblerun_bytes evidence = { data + 2, evidence_size };
	const char *json = (const char *)data + 2 + evidence_size;
	if (marblerun_collateral_parse(json, size - 2 - evidence_size, &set, reason) != 0)
		set = NULL;
	marblerun_verify(verifier, evidence, set ? marblerun_collateral_of(set) : NULL, 1750809600, &verdict);
	marblerun_collateral_free(set);
	return 0;
}
