/* Evidence that carries its certificate needs no other from the KDS, but the CRL still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "attest/snp/certificate_table.h"
#include "attest/snp/report.h"
#include "base/file.h"
#include "endorsements/service.h"

enum { NOW = 1788220800 }; /* 2026-09-01, within the CRL's dates */

static unsigned leaves, chains, crls;
static bool genoa_only; /* the KDS has the chip as Genoa */

static void read_vector(const char *name, struct blob *to)
{
	CLEANUP_FREE char *path = NULL;
	assert_true(asprintf(&path, VECTORS "/snp/%s", name) > 0);
	error *e = file_read(path, 1 << 16, to);
	if (e)
		fail_msg("%s", error_message(e));
}

static error *fetch(void *context, const struct document_name *name, struct blob *ret_body, struct blob *ret_chain)
{
	(void)context, (void)ret_chain;
	if (strstr(name->url, "/vcek/v1/Milan/cert_chain")) {
		chains++;
		read_vector("kds-2026-08/ask_ark_milan.pem", ret_body);
	} else if (strstr(name->url, "/vcek/v1/Milan/crl")) {
		crls++;
		read_vector("kds-2026-08/crl_milan.der", ret_body);
	} else if (strstr(name->url, genoa_only ? "/vcek/v1/Genoa/" : "/vcek/v1/Milan/") &&
		   strstr(name->url, "?blSPL=")) {
		leaves++;
		read_vector("virtee-milan-v2/vcek.der", ret_body);
	} else if (strstr(name->url, "/vcek/v1/Genoa/cert_chain")) {
		chains++;
		read_vector("kds-2026-08/ask_ark_genoa.pem", ret_body);
	} else if (strstr(name->url, "/vcek/v1/Genoa/crl")) {
		crls++;
		read_vector("kds-2026-08/crl_genoa.der", ret_body);
	} else {
		return error_new(ERROR_UNAVAILABLE, "%s does not answer", name->url);
	}
	return NULL;
}

static int64_t now(void *context)
{
	(void)context;
	return NOW;
}

static void assert_genuine(bytes evidence)
{
	static const struct documents_source source = { NULL, fetch, now };
	struct endorsement_service_options options = { .kds = "https://kds", .source = &source };
	CLEANUP(endorsement_service_close) struct endorsement_service *service = NULL;
	const struct marblerun_collateral *collateral;
	void *hold;
	struct marblerun_verdict verdict;
	leaves = chains = crls = 0;
	assert_null(endorsement_service_open(&options, &service));
	struct endorsements from = endorsement_service_use(service);
	assert_null(from.get(from.context, evidence, &collateral, &hold));
	assert_int_not_equal(collateral->crl.size, 0);
	marblerun_verifier *verifier = marblerun_verifier_new();
	marblerun_verify(verifier, (struct marblerun_bytes){ evidence.data, evidence.size }, collateral, NOW, &verdict);
	marblerun_verifier_free(verifier);
	from.release(from.context, hold);
	if (!verdict.genuine)
		fail_msg("%s", verdict.reason);
	assert_int_equal(chains, 1);
	assert_int_equal(crls, 1);
}

static void the_leaf_is_fetched_when_it_is_not_there(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob report = { 0 };
	read_vector("virtee-milan-v2/report.bin", &report);
	assert_genuine(bytes_slice(blob_view(&report), 0, SNP_REPORT_SIZE));
	assert_int_equal(leaves, 1);
}

static void a_leaf_that_is_carried_is_not_fetched(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob report = { 0 }, vcek = { 0 };
	CLEANUP(writer_free) struct writer w = { 0 };
	read_vector("virtee-milan-v2/report.bin", &report);
	read_vector("virtee-milan-v2/vcek.der", &vcek);
	struct snp_certificate_table table = { .vcek = blob_view(&vcek) };
	write_bytes(&w, bytes_slice(blob_view(&report), 0, SNP_REPORT_SIZE));
	snp_certificate_table_write(&table, &w);
	assert_genuine(writer_view(&w));
	assert_int_equal(leaves, 0);
}

/* The report is signed by a VCEK: a VLEK next to it does not help. */
static void another_kind_of_leaf_does_not_count(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob report = { 0 };
	CLEANUP(writer_free) struct writer w = { 0 };
	read_vector("virtee-milan-v2/report.bin", &report);
	struct snp_certificate_table table = { .vlek = bytes_of_string("a vlek") };
	write_bytes(&w, bytes_slice(blob_view(&report), 0, SNP_REPORT_SIZE));
	snp_certificate_table_write(&table, &w);
	assert_genuine(writer_view(&w));
	assert_int_equal(leaves, 1);
}

/* Reports of version 2 do not say whether they are from Milan or Genoa. */
static void a_product_that_is_not_named_is_found(void **state)
{
	(void)state;
	static const struct documents_source source = { NULL, fetch, now };
	struct endorsement_service_options options = { .kds = "https://kds", .source = &source };
	const struct marblerun_collateral *collateral;
	void *hold;
	for (int carried = 0; carried < 2; carried++) {
		CLEANUP(endorsement_service_close) struct endorsement_service *service = NULL;
		CLEANUP(blob_free) struct blob report = { 0 }, vcek = { 0 };
		CLEANUP(writer_free) struct writer w = { 0 };
		read_vector("virtee-milan-v2/report.bin", &report);
		read_vector("trustee-azure-genoa-v3/vcek.der", &vcek);
		struct snp_certificate_table table = { .vcek = blob_view(&vcek) };
		write_bytes(&w, bytes_slice(blob_view(&report), 0, SNP_REPORT_SIZE));
		if (carried)
			snp_certificate_table_write(&table, &w);
		leaves = chains = crls = 0;
		genoa_only = true;
		assert_null(endorsement_service_open(&options, &service));
		struct endorsements from = endorsement_service_use(service);
		assert_null(from.get(from.context, writer_view(&w), &collateral, &hold));
		assert_true(collateral->ask.size && collateral->ark.size && collateral->crl.size);
		assert_int_equal(leaves, carried ? 0 : 1);
		from.release(from.context, hold);
		genoa_only = false;
	}
	assert_true(chains == 1 && crls == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_leaf_is_fetched_when_it_is_not_there),
		cmocka_unit_test(a_leaf_that_is_carried_is_not_fetched),
		cmocka_unit_test(another_kind_of_leaf_does_not_count),
		cmocka_unit_test(a_product_that_is_not_named_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
