/* A counter in a TPM 2.0 that only goes up: an NV index of type counter (TPM 2.0 Library, part 1, section 37.2.4).
 * The host carries the commands; it can refuse them, but not answer in the TPM's stead: the index has an
 * authorization value that only its owner knows, and sessions prove it in both directions (part 1, section 19).
 * A host that shows a TPM of its own when the index is made is not noticed. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

struct tpm_counter;
enum { TPM_COUNTER_AUTH_SIZE = 32 };

/* `tcti`: how to reach the TPM, as tpm2-tss names it: "device:/dev/tpmrm0", "swtpm:host=…,port=…". */
error *tpm_counter_open(const char *tcti, struct tpm_counter **ret) MUST_USE;
void tpm_counter_close(struct tpm_counter *counter);
DEFINE_CLEANUP(tpm_counter_close, struct tpm_counter *)
/* Makes a new index with this authorization value and uses it. */
error *tpm_counter_provision(struct tpm_counter *counter, bytes auth, uint32_t *ret_index) MUST_USE;
/* Uses one that was made before. ERROR_NOT_FOUND when the TPM has no such index. */
error *tpm_counter_use(struct tpm_counter *counter, uint32_t index, bytes auth) MUST_USE;
error *tpm_counter_read(struct tpm_counter *counter, uint64_t *ret) MUST_USE;
error *tpm_counter_increment(struct tpm_counter *counter) MUST_USE;
