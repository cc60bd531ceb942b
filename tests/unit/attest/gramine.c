/* Issuing under Gramine, against a stand-in of its /dev/attestation. */
#include "issuer_testing.h"

#include <errno.h>
#include <pthread.h>

#define ATTESTATION "/dev/attestation/"
enum { THREADS = 8, ROUNDS = 50, QUOTE_HEADER = 16 };

/* One set of report data for the whole process, zero-padded, as Gramine has it. */
static uint8_t report_data[64];

static int save_report_data(struct stand_in_file *file, bytes written)
{
	(void)file;
	memset(report_data, 0, sizeof report_data);
	memcpy(report_data, written.data, written.size < 64 ? written.size : 64);
	return 0;
}

static int load_quote(struct stand_in_file *file, struct writer *to)
{
	(void)file;
	write_zeros(to, QUOTE_HEADER);
	write_bytes(to, BYTES_OF_ARRAY(report_data));
	write_zeros(to, 4500);
	return 0;
}

static void gramine(void)
{
	stand_in_add_text(ATTESTATION "attestation_type", "dcap");
	stand_in_add(ATTESTATION "user_report_data", NULL, 0)->save = save_report_data;
	stand_in_add(ATTESTATION "quote", NULL, 0)->load = load_quote;
	stand_in_add(ATTESTATION "keys/_sgx_mrenclave", "unique key 16 by", 16);
	stand_in_add(ATTESTATION "keys/_sgx_mrsigner", "signer key 16 by", 16);
}

static struct stand_in_file *file(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, ATTESTATION "%s", name);
	return stand_in_find(path);
}

/* Is there a quote, with these report data? */
static bool issued(marblerun_issuer *issuer, uint8_t with)
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t data[64], *quote;
	size_t size;
	memset(data, with, sizeof data);
	if (marblerun_issue(issuer, data, &quote, &size, reason) != 0)
		return false;
	bool right = size == QUOTE_HEADER + 64 + 4500 && memcmp(quote + QUOTE_HEADER, data, 64) == 0;
	free(quote);
	return right;
}

static void assert_not_issued(marblerun_issuer *issuer, const char *part)
{
	char reason[MARBLERUN_REASON_SIZE] = "";
	uint8_t data[64] = { 0 }, *quote = NULL;
	size_t size = 7;
	assert_int_equal(marblerun_issue(issuer, data, &quote, &size, reason), 1);
	if (!strstr(reason, part))
		fail_msg("\"%s\", where \"%s\" is expected", reason, part);
	assert_null(quote);
	assert_int_equal(size, 7);
}

static void quotes_carry_the_report_data(void **state)
{
	(void)state;
	gramine();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "gramine");
	assert_null(marblerun_issuer_sim_platform(issuer));
	assert_true(issued(issuer, 0x5a));
	file("quote")->most = 7; /* short reads */
	file("quote")->interruptions = 3;
	file("user_report_data")->interruptions = 2;
	assert_true(issued(issuer, 0xa5));
}

static pthread_barrier_t start;

static void *issue_often(void *number)
{
	marblerun_issuer *issuer = open_on_stand_in();
	int i = 0;
	pthread_barrier_wait(&start);
	while (i < ROUNDS && issued(issuer, (uint8_t)(uintptr_t)number))
		i++;
	marblerun_issuer_free(issuer);
	return i == ROUNDS ? NULL : number;
}

static void report_data_and_quote_are_one_step(void **state)
{
	(void)state;
	gramine();
	pthread_t threads[THREADS];
	pthread_barrier_init(&start, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, issue_often, (void *)(i + 1)), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void only_dcap_is_attested(void **state)
{
	(void)state;
	static const char *const types[] = { "none", "epid", "", "dcap2", "dca" };
	marblerun_issuer *issuer = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		stand_in_reset();
		stand_in_add_text(ATTESTATION "attestation_type", types[i]);
		assert_refused(issuer_open(&stand_in_kernel, NULL, &issuer), ERROR_UNSUPPORTED,
			       "\"dcap\" is expected");
	}
	stand_in_reset();
	stand_in_add_text(ATTESTATION "attestation_type", "dcap\n");
	marblerun_issuer_free(open_on_stand_in());
}

static void failures_are_named(void **state)
{
	(void)state;
	gramine();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	file("quote")->read_error = EACCES;
	assert_not_issued(issuer, "reading /dev/attestation/quote: Permission denied");
	file("quote")->read_error = 0;
	file("user_report_data")->most = 63;
	assert_not_issued(issuer, "/dev/attestation/user_report_data: it took 63 of 64 bytes");
	file("user_report_data")->most = 0;
	file("user_report_data")->write_error = EIO;
	assert_not_issued(issuer, "writing /dev/attestation/user_report_data: Input/output error");
	file("user_report_data")->write_error = 0;
	file("user_report_data")->close_error = EACCES;
	assert_not_issued(issuer, "closing /dev/attestation/user_report_data: Permission denied");
	file("user_report_data")->close_error = 0;
	assert_true(issued(issuer, 1)); /* and the lock is free again */
	stand_in_remove(ATTESTATION "quote");
	assert_not_issued(issuer, "opening /dev/attestation/quote: No such file");
	stand_in_add(ATTESTATION "quote", NULL, 0);
	assert_not_issued(issuer, "quote is empty");
}

static int load_endlessly(struct stand_in_file *f, struct writer *to)
{
	(void)f;
	write_zeros(to, 1 << 20);
	return 0;
}

static void a_quote_without_end_is_refused(void **state)
{
	(void)state;
	gramine();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	file("quote")->load = load_endlessly;
	assert_not_issued(issuer, "/dev/attestation/quote");
}

static struct secret key_of(marblerun_issuer *issuer, enum sealing_kind kind)
{
	struct secret key = { 0 };
	must(issuer_sealing_key(issuer, kind, &key));
	assert_int_equal(key.size, SEALING_KEY_SIZE);
	return key;
}

static void sealing_keys_are_derived_from_both_kinds(void **state)
{
	(void)state;
	gramine();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	CLEANUP(secret_free) struct secret unique = key_of(issuer, SEALING_UNIQUE);
	CLEANUP(secret_free) struct secret product = key_of(issuer, SEALING_PRODUCT);
	CLEANUP(secret_free) struct secret again = key_of(issuer, SEALING_UNIQUE);
	assert_true(secret_equal(secret_view(&unique), secret_view(&again)));
	assert_false(secret_equal(secret_view(&unique), secret_view(&product)));
	/* Computed with Python's hmac: HKDF-SHA-256, no salt, info "marblerun sealing key 1\0gramine\0\x01" */
	static const uint8_t expected[] = {
		0xb6, 0xa0, 0x47, 0x1f, 0xa0, 0xf2, 0x56, 0x91, 0xf2, 0x8a, 0xd0,
		0x67, 0x22, 0x31, 0xe4, 0x73, 0xb0, 0x85, 0x51, 0xb2, 0x09, 0x5b,
		0x76, 0xac, 0x45, 0x1e, 0xb9, 0x39, 0x51, 0x3a, 0x07, 0x12,
	};
	assert_memory_equal(unique.data, expected, sizeof expected);
}

static void sealing_keys_that_were_never_set_are_refused(void **state)
{
	(void)state;
	static const uint8_t zeros[16];
	struct secret key = { 0 };
	gramine();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	stand_in_remove(ATTESTATION "keys/_sgx_mrenclave");
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNAVAILABLE,
		       "keys/_sgx_mrenclave: No such file");
	stand_in_add(ATTESTATION "keys/_sgx_mrenclave", zeros, 16);
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_INVALID, "all zeros");
	static const size_t sizes[] = { 0, 15, 17, 32, 100 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		static const uint8_t long_key[100] = { 1 };
		stand_in_remove(ATTESTATION "keys/_sgx_mrsigner");
		stand_in_add(ATTESTATION "keys/_sgx_mrsigner", long_key, sizes[i]);
		CLEANUP(error_free) error *e = issuer_sealing_key(issuer, SEALING_PRODUCT, &key);
		assert_non_null(e);
		assert_non_null(strstr(error_message(e), "keys/_sgx_mrsigner"));
	}
	assert_null(key.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ISSUER_TEST(quotes_carry_the_report_data),
		ISSUER_TEST(report_data_and_quote_are_one_step),
		ISSUER_TEST(only_dcap_is_attested),
		ISSUER_TEST(failures_are_named),
		ISSUER_TEST(a_quote_without_end_is_refused),
		ISSUER_TEST(sealing_keys_are_derived_from_both_kinds),
		ISSUER_TEST(sealing_keys_that_were_never_set_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
