/* How much heap a verification holds at a time: less than 64 KB, endorsements seen or not; parsing holds none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "attest/sgx/quote.h"
#include "attest/snp/report.h"
#include "attest/tdx/quote.h"
#include "base/file.h"
#include "counted_malloc.h"
#include "marblerun/verify.h"

enum { HEAP_MAX = 64000 }; /* bytes */

static const struct vector {
	const char *folder, *file;
	int64_t at;
} vectors[] = { /* of each TEE those with the largest endorsements */
	{ "sgx/phala-00a067110000-cfg-and-sw-hardening", "quote.bin", 1750809600 },
	{ "sgx/automata-00606a000000-2025-08", "quote.bin", 1755236700 },
	{ "sgx/cmc-c0806f000000-2026-03", "quote.bin", 1773964800 },
	{ "tdx/phala-v4-b0c06f000000-uptodate", "quote.bin", 1750809600 },
	{ "tdx/cmc-v4-c0806f000000-2026-03", "quote.bin", 1773964800 },
	{ "tdx/flashbots-v4-00806f050000-2026-01", "quote.bin", 1769509141 },
	{ "tdx/automata-alibaba-v5-td15-90c06f000000-2025-06", "quote.bin", 1749945600 },
	{ "snp/virtee-milan-v2", "report.bin", 1704067200 },
	{ "snp/trustee-azure-genoa-v3", "report.bin", 1748736000 },
	{ "snp/enarx-milan-v2-csr-with-crl", "report.bin", 1675209600 },
};

static struct blob read_evidence(const struct vector *v)
{
	struct blob evidence = { 0 };
	CLEANUP_FREE char *path = NULL;
	assert_true(asprintf(&path, "%s/%s/%s", VECTORS, v->folder, v->file) > 0);
	assert_null(file_read(path, 1 << 20, &evidence));
	return evidence;
}

static marblerun_collateral_set *read_collateral(const struct vector *v)
{
	marblerun_collateral_set *set = NULL;
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP_FREE char *path = NULL;
	assert_true(asprintf(&path, "%s/%s", VECTORS, v->folder) > 0);
	if (marblerun_collateral_read(path, &set, reason) != 0)
		fail_msg("%s", reason);
	return set;
}

static long heap_of_one(marblerun_verifier *verifier, const struct vector *v, const struct blob *evidence,
			const struct marblerun_collateral *collateral)
{
	static struct marblerun_verdict verdict;
	struct marblerun_bytes raw = { evidence->data, evidence->size };
	heap_watch();
	if (marblerun_verify(verifier, raw, collateral, v->at, &verdict) != 0)
		fail_msg("%s: %s", v->folder, verdict.reason);
	return heap_most();
}

static void verify_twice(const struct vector *v, long *ret_first, long *ret_second)
{
	CLEANUP(blob_free) struct blob evidence = read_evidence(v);
	marblerun_collateral_set *set = read_collateral(v);
	marblerun_verifier *verifier = marblerun_verifier_new();
	assert_non_null(verifier);
	*ret_first = heap_of_one(verifier, v, &evidence, marblerun_collateral_of(set));
	*ret_second = heap_of_one(verifier, v, &evidence, marblerun_collateral_of(set));
	marblerun_verifier_free(verifier);
	marblerun_collateral_free(set);
}

static void verifying_holds_less_than_64_kb(void **state)
{
	(void)state;
	long first, second;
	/* What OpenSSL loads once in a process, for whatever purpose, does not count. */
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		verify_twice(&vectors[i], &first, &second);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		verify_twice(&vectors[i], &first, &second);
		print_message("%s: %ld bytes at first, then %ld\n", vectors[i].folder, first, second);
		assert_true(first > second && second > 0);
		assert_true(first < HEAP_MAX);
	}
}

static void parsing_allocates_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		CLEANUP(blob_free) struct blob evidence = read_evidence(&vectors[i]);
		bytes raw = blob_view(&evidence);
		struct sgx_quote sgx;
		struct tdx_quote tdx;
		struct snp_report snp;
		heap_watch();
		error *e = vectors[i].folder[0] == 't' ? tdx_quote_parse(raw, &tdx) :
			   vectors[i].folder[1] == 'g' ? sgx_quote_parse(raw, &sgx) :
							 snp_report_parse(bytes_slice(raw, 0, SNP_REPORT_SIZE), &snp);
		assert_int_equal(heap_most(), 0);
		assert_null(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifying_holds_less_than_64_kb),
		cmocka_unit_test(parsing_allocates_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
