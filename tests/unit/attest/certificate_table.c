/* Certificate tables behind SEV-SNP reports: well-formed, hostile, and with a real machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "attest/snp/certificate_table.h"
#include "attest/snp/report.h"
#include "base/file.h"
#include "marblerun/verify.h"

enum { AT = 1704067200, ENTRY_SIZE = 24 };

static const uint8_t vcek_guid[16] = { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
				       0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd };
static const uint8_t ask_guid[16] = { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
				      0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 };
static const uint8_t other_guid[16] = { 1, 2, 3 };

static void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static void write_entry(struct writer *w, const uint8_t guid[16], uint32_t offset, uint32_t length)
{
	write_bytes(w, bytes_of(guid, 16));
	write_le32(w, offset);
	write_le32(w, length);
}

static void assert_refused(const struct writer *w, const char *part)
{
	struct snp_certificate_table table = { .size = 7 };
	CLEANUP(error_free) error *e = snp_certificate_table_read(writer_view(w), &table);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_INVALID);
	if (!strstr(error_message(e), part))
		fail_msg("\"%s\", where \"%s\" is expected", error_message(e), part);
	assert_int_equal(table.size, 7);
}

static void nothing_is_an_empty_table(void **state)
{
	(void)state;
	static const uint8_t zeros[ENTRY_SIZE];
	struct snp_certificate_table table;
	must(snp_certificate_table_read(BYTES_EMPTY, &table));
	assert_int_equal(table.size, 0);
	must(snp_certificate_table_read(BYTES_OF_ARRAY(zeros), &table));
	assert_int_equal(table.size, ENTRY_SIZE);
	assert_int_equal(table.vcek.size, 0);
	assert_false(snp_certificate_table_begins(BYTES_OF_ARRAY(zeros)));
	assert_false(snp_certificate_table_begins(BYTES_EMPTY));
	assert_false(snp_certificate_table_begins(bytes_of(vcek_guid, 15)));
	assert_true(snp_certificate_table_begins(BYTES_OF_ARRAY(vcek_guid)));
}

static void entries_are_found_and_others_passed_over(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	struct snp_certificate_table table;
	/* mixed order of bytes, as some hosts have it */
	static const uint8_t mixed[16] = { 0x79, 0xb3, 0xb7, 0x4a, 0xac, 0xbb, 0xe4, 0x4f,
					   0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 };
	write_entry(&w, vcek_guid, 96, 4);
	write_entry(&w, other_guid, 106, 3);
	write_entry(&w, mixed, 100, 6);
	write_zeros(&w, ENTRY_SIZE);
	write_string(&w, "vcekasmain+++trailing");
	must(snp_certificate_table_read(writer_view(&w), &table));
	assert_true(bytes_equal_string(table.vcek, "vcek"));
	assert_true(bytes_equal_string(table.ask, "asmain"));
	assert_int_equal(table.vlek.size + table.ark.size, 0);
	assert_int_equal(table.size, 109);
}

static void a_table_without_end_is_refused(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	write_entry(&w, vcek_guid, ENTRY_SIZE, 0);
	assert_refused(&w, "certificate table");
	for (int i = 0; i < 200; i++)
		write_entry(&w, other_guid, 1 << 12, 1);
	write_zeros(&w, 1 << 12);
	assert_refused(&w, "more than 63 entries");
}

static void ranges_outside_are_refused(void **state)
{
	(void)state;
	static const uint32_t bad[][2] = {
		{ 47, 1 },          { 0, 10 },         { 59, 1 },         { 58, 1 },        { 48, 11 },
		{ UINT32_MAX, 1 },  { 48, UINT32_MAX }, { UINT32_MAX, UINT32_MAX }, { UINT32_MAX - 5, 16 },
		{ 0x80000000, 0x80000000 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(writer_free) struct writer w = { 0 };
		write_entry(&w, vcek_guid, bad[i][0], bad[i][1]);
		write_zeros(&w, ENTRY_SIZE);
		write_string(&w, "0123456789");
		assert_refused(&w, "an entry points to");
	}
}

static void empty_huge_and_repeated_certificates_are_refused(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer empty = { 0 }, huge = { 0 }, twice = { 0 };
	write_entry(&empty, vcek_guid, 48, 0);
	write_zeros(&empty, ENTRY_SIZE);
	assert_refused(&empty, "the vcek has 0 bytes");
	write_entry(&huge, ask_guid, 48, 16385);
	write_zeros(&huge, ENTRY_SIZE + 16385);
	assert_refused(&huge, "the ask has 16385 bytes");
	write_entry(&twice, ask_guid, 72, 1);
	write_entry(&twice, ask_guid, 73, 1);
	write_zeros(&twice, ENTRY_SIZE);
	write_string(&twice, "ab");
	assert_refused(&twice, "two of the ask");
}

static void written_tables_read_the_same(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 }, none = { 0 };
	struct snp_certificate_table empty = { 0 }, read;
	struct snp_certificate_table table = { .vlek = bytes_of_string("v"), .ark = bytes_of_string("root") };
	snp_certificate_table_write(&empty, &none);
	assert_int_equal(none.size, 0);
	snp_certificate_table_write(&table, &w);
	must(snp_certificate_table_read(writer_view(&w), &read));
	assert_true(bytes_equal(read.vlek, table.vlek));
	assert_true(bytes_equal(read.ark, table.ark));
	assert_int_equal(read.vcek.size + read.ask.size, 0);
	assert_int_equal(read.size, w.size);
}

/* A real report and its certificates. */
struct real {
	struct blob report, vcek, ask, ark;
};

static void read_one(const char *name, struct blob *to)
{
	CLEANUP_FREE char *path = NULL;
	assert_true(asprintf(&path, VECTORS "/snp/virtee-milan-v2/%s", name) > 0);
	must(file_read(path, 1 << 16, to));
}

static int load(void **state)
{
	struct real *r = calloc(1, sizeof *r);
	read_one("report.bin", &r->report);
	read_one("vcek.der", &r->vcek);
	read_one("ask.pem", &r->ask);
	read_one("ark.pem", &r->ark);
	*state = r;
	return 0;
}

static int unload(void **state)
{
	struct real *r = *state;
	blob_free(&r->report);
	blob_free(&r->vcek);
	blob_free(&r->ask);
	blob_free(&r->ark);
	free(r);
	return 0;
}

static struct marblerun_verdict verify(const struct writer *evidence, const struct marblerun_collateral *collateral)
{
	struct marblerun_verdict verdict;
	marblerun_verifier *verifier = marblerun_verifier_new();
	struct marblerun_bytes all = { evidence->data, evidence->size };
	marblerun_verify(verifier, all, collateral, AT, &verdict);
	marblerun_verifier_free(verifier);
	return verdict;
}

static void write_evidence(const struct real *r, bytes vcek, struct writer *w)
{
	struct snp_certificate_table table = { .vcek = vcek, .ask = blob_view(&r->ask), .ark = blob_view(&r->ark) };
	write_bytes(w, bytes_slice(blob_view(&r->report), 0, SNP_REPORT_SIZE));
	snp_certificate_table_write(&table, w);
}

static void a_report_with_its_certificates_verifies_alone(void **state)
{
	const struct real *r = *state;
	const struct marblerun_collateral none = { 0 };
	CLEANUP(writer_free) struct writer w = { 0 };
	write_evidence(r, blob_view(&r->vcek), &w);
	struct marblerun_verdict verdict = verify(&w, &none);
	if (!verdict.genuine)
		fail_msg("%s", verdict.reason);
	assert_int_equal(verdict.claims.padding, 0);
	write_zeros(&w, 5);
	verdict = verify(&w, &none);
	assert_true(verdict.genuine);
	assert_int_equal(verdict.claims.padding, 5);
	w.size = SNP_REPORT_SIZE;
	verdict = verify(&w, &none);
	assert_false(verdict.genuine);
	assert_int_equal(verdict.step, MARBLERUN_STEP_ENDORSEMENTS);
}

static void carried_certificates_are_verified_too(void **state)
{
	const struct real *r = *state;
	const struct marblerun_collateral none = { 0 };
	CLEANUP(blob_free) struct blob changed = { 0 };
	must(blob_copy(blob_view(&r->vcek), &changed));
	for (size_t i = 0; i < changed.size; i += 7) {
		CLEANUP(writer_free) struct writer w = { 0 };
		changed.data[i] ^= 1;
		write_evidence(r, blob_view(&changed), &w);
		assert_false(verify(&w, &none).genuine);
		changed.data[i] ^= 1;
	}
	CLEANUP(writer_free) struct writer swapped = { 0 };
	write_evidence(r, blob_view(&r->ask), &swapped);
	assert_false(verify(&swapped, &none).genuine);
}

static void a_malformed_table_is_a_refusal(void **state)
{
	const struct real *r = *state;
	const struct marblerun_collateral given = {
		.vcek = { r->vcek.data, r->vcek.size },
		.ask = { r->ask.data, r->ask.size },
		.ark = { r->ark.data, r->ark.size },
	};
	CLEANUP(writer_free) struct writer w = { 0 };
	write_evidence(r, blob_view(&r->vcek), &w);
	size_t whole = w.size;
	for (w.size = SNP_REPORT_SIZE + 16; w.size < whole; w.size += 97) {
		struct marblerun_verdict verdict = verify(&w, &given);
		assert_false(verdict.genuine);
		assert_int_equal(verdict.step, MARBLERUN_STEP_FORMAT);
	}
	w.size = SNP_REPORT_SIZE + 15; /* no entry yet: padding */
	assert_true(verify(&w, &given).genuine);
}

static void given_certificates_come_before_carried_ones(void **state)
{
	const struct real *r = *state;
	const struct marblerun_collateral given = { .vcek = { r->ask.data, r->ask.size } };
	CLEANUP(writer_free) struct writer w = { 0 };
	write_evidence(r, blob_view(&r->vcek), &w);
	assert_false(verify(&w, &given).genuine);
}

static void assert_printed(const struct writer *w, const char *expected)
{
	char reason[MARBLERUN_REASON_SIZE], *text = NULL;
	if (marblerun_evidence_print((struct marblerun_bytes){ w->data, w->size }, &text, reason) != 0)
		fail_msg("%s", reason);
	if (!strstr(text, expected))
		fail_msg("%s, where %s is expected", text, expected);
	free(text);
}

static void what_is_carried_is_shown(void **state)
{
	const struct real *r = *state;
	char reason[MARBLERUN_REASON_SIZE], *text = NULL;
	CLEANUP(writer_free) struct writer w = { 0 };
	write_evidence(r, blob_view(&r->vcek), &w);
	write_zeros(&w, 3);
	assert_printed(&w, "\"certificates\":[\"VCEK\",\"ASK\",\"ARK\"],\"padding\":3}");
	w.size = SNP_REPORT_SIZE + 10;
	assert_printed(&w, "\"certificates\":[],\"padding\":10}");
	w.size = SNP_REPORT_SIZE + 30;
	struct marblerun_bytes cut = { w.data, w.size };
	assert_int_equal(marblerun_evidence_print(cut, &text, reason), 1);
	assert_non_null(strstr(reason, "certificate table"));
}

#define REAL_TEST(test) cmocka_unit_test_setup_teardown(test, load, unload)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_an_empty_table),
		cmocka_unit_test(entries_are_found_and_others_passed_over),
		cmocka_unit_test(a_table_without_end_is_refused),
		cmocka_unit_test(ranges_outside_are_refused),
		cmocka_unit_test(empty_huge_and_repeated_certificates_are_refused),
		cmocka_unit_test(written_tables_read_the_same),
		REAL_TEST(a_report_with_its_certificates_verifies_alone),
		REAL_TEST(carried_certificates_are_verified_too),
		REAL_TEST(a_malformed_table_is_a_refusal),
		REAL_TEST(given_certificates_come_before_carried_ones),
		REAL_TEST(what_is_carried_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
