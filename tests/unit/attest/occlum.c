/* Issuing under Occlum, against a stand-in of its /dev/sgx, and which TEE is chosen. */
#include "issuer_testing.h"

#include <errno.h>
#include <sys/ioctl.h>

enum { QUOTE_SIZE = 4734, BUFFER_MAX = 64 << 10 };

static struct {
	uint32_t size, answered_size; /* 0: the size is left as it is, as Occlum does */
	int error;
	uint8_t cpu_svn, mrenclave, mrsigner;
	uint16_t isv_svn;
	uint8_t key_request[512];
} enclave;

struct pointers {
	const uint8_t *in;
	uint8_t *middle, *out;
};

/* EGETKEY in short: a key of what the policy selects. */
static void make_key(const uint8_t *request, uint8_t *key)
{
	memcpy(enclave.key_request, request, 512);
	uint8_t identity = request[2] == 1 ? enclave.mrenclave : enclave.mrsigner;
	memset(key, identity, 16);
	key[0] = request[2];
	key[1] = request[4]; /* ISVSVN */
	key[2] = request[8]; /* CPUSVN */
}

static void make_report(uint8_t *report)
{
	memset(report, 0, 432);
	memset(report, enclave.cpu_svn, 16);
	report[258] = (uint8_t)enclave.isv_svn;
	report[259] = (uint8_t)(enclave.isv_svn >> 8);
	report[260] = 7; /* CONFIGSVN */
}

static int control(struct stand_in_file *file, unsigned long request, void *argument)
{
	struct pointers p;
	(void)file;
	if (enclave.error)
		return enclave.error;
	if (request == _IOR('s', 7, uint32_t)) {
		memcpy(argument, &enclave.size, 4);
		return 0;
	}
	memcpy(&p, argument, request == _IOWR('s', 11, void *[2]) ? 2 * sizeof(void *) : sizeof p);
	if (request == _IOWR('s', 8, struct pointers)) {
		uint32_t given;
		memcpy(&given, p.middle, 4);
		if (given < enclave.size)
			return EINVAL;
		memset(p.out, 0xab, enclave.size);
		memcpy(p.out + 368, p.in, 64);
		if (enclave.answered_size)
			memcpy(p.middle, &enclave.answered_size, 4);
	} else if (request == _IOWR('s', 4, struct pointers)) {
		make_report(p.out);
	} else if (request == _IOWR('s', 11, void *[2])) {
		make_key(p.in, p.middle);
	} else {
		return ENOSYS;
	}
	return 0;
}

static void occlum(void)
{
	struct stand_in_file *device = stand_in_add("/dev/sgx", NULL, 0);
	device->type = S_IFCHR;
	device->control = control;
	memset(&enclave, 0, sizeof enclave);
	enclave.size = QUOTE_SIZE;
	enclave.mrenclave = 1;
	enclave.mrsigner = 2;
	enclave.cpu_svn = 3;
	enclave.isv_svn = 0x0105;
}

static int try_issue(marblerun_issuer *issuer, struct blob *ret, char reason[MARBLERUN_REASON_SIZE])
{
	uint8_t data[64];
	memset(data, 0x5a, sizeof data);
	return marblerun_issue(issuer, data, &ret->data, &ret->size, reason);
}

static void assert_not_issued(marblerun_issuer *issuer, const char *part)
{
	char reason[MARBLERUN_REASON_SIZE] = "";
	struct blob evidence = { 0 };
	assert_int_equal(try_issue(issuer, &evidence, reason), 1);
	if (!strstr(reason, part))
		fail_msg("\"%s\", where \"%s\" is expected", reason, part);
	assert_null(evidence.data);
}

static void quotes_carry_the_report_data(void **state)
{
	(void)state;
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(blob_free) struct blob quote = { 0 };
	occlum();
	stand_in_find("/dev/sgx")->interruptions = 2;
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "occlum");
	assert_int_equal(try_issue(issuer, &quote, reason), 0);
	assert_int_equal(quote.size, QUOTE_SIZE);
	assert_int_equal(quote.data[368], 0x5a);
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	static const uint32_t bad[] = { 0, BUFFER_MAX + 1, UINT32_MAX };
	occlum();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		enclave.size = bad[i];
		assert_not_issued(issuer, "are expected");
	}
	enclave.size = QUOTE_SIZE;
	enclave.answered_size = QUOTE_SIZE + 1;
	assert_not_issued(issuer, "a quote of 4735 bytes in a buffer of 4734");
}

static void evidence_over_other_data_is_refused(void **state)
{
	(void)state;
	occlum();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	enclave.answered_size = 368 + 63; /* cut within the report data */
	assert_not_issued(issuer, "over other report data");
}

static void failures_are_named(void **state)
{
	(void)state;
	struct secret key = { 0 };
	occlum();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	enclave.error = EIO;
	assert_not_issued(issuer, "size of a DCAP quote: asking /dev/sgx: Input/output error");
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNAVAILABLE,
		       "report on this enclave: asking /dev/sgx: Input/output error");
	stand_in_find("/dev/sgx")->open_error = EACCES;
	assert_not_issued(issuer, "opening /dev/sgx: Permission denied");
}

static struct secret key_of(marblerun_issuer *issuer, enum sealing_kind kind)
{
	struct secret key = { 0 };
	must(issuer_sealing_key(issuer, kind, &key));
	assert_int_equal(key.size, SEALING_KEY_SIZE);
	return key;
}

static bool same_after(marblerun_issuer *issuer, enum sealing_kind kind, const struct secret *before)
{
	CLEANUP(secret_free) struct secret after = key_of(issuer, kind);
	return secret_equal(secret_view(&after), secret_view(before));
}

static void sealing_keys_follow_the_policy(void **state)
{
	(void)state;
	occlum();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	CLEANUP(secret_free) struct secret unique = key_of(issuer, SEALING_UNIQUE);
	CLEANUP(secret_free) struct secret product = key_of(issuer, SEALING_PRODUCT);
	assert_false(secret_equal(secret_view(&unique), secret_view(&product)));
	enclave.mrenclave = 9; /* another build */
	assert_false(same_after(issuer, SEALING_UNIQUE, &unique));
	assert_true(same_after(issuer, SEALING_PRODUCT, &product));
	enclave.mrsigner = 9;
	assert_false(same_after(issuer, SEALING_PRODUCT, &product));
}

/* KEYREQUEST, Intel SDM volume 3D */
static void the_key_request_is_intels(void **state)
{
	(void)state;
	static const uint8_t zeros[434];
	static const uint8_t masks[16] = { 0x0b, 0, 0, 0, 0, 0, 0, 0xff };
	occlum();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	CLEANUP(secret_free) struct secret key = key_of(issuer, SEALING_PRODUCT);
	const uint8_t *r = enclave.key_request;
	static const uint8_t head[8] = { 4, 0, 2, 0, 0x05, 0x01, 0, 0 }; /* SEAL_KEY, MRSIGNER, ISVSVN */
	assert_memory_equal(r, head, 8);
	for (int i = 8; i < 24; i++)
		assert_int_equal(r[i], 3); /* CPUSVN */
	assert_memory_equal(r + 24, masks, 16);
	assert_memory_equal(r + 40, zeros, 32); /* KEYID */
	assert_int_equal(r[75], 0xf0);          /* MISCMASK */
	assert_int_equal(r[76], 7);             /* CONFIGSVN */
	assert_memory_equal(r + 78, zeros, 434);
}

static void what_is_there_is_chosen(void **state)
{
	(void)state;
	marblerun_issuer *issuer = NULL;
	assert_refused(issuer_open(&stand_in_kernel, NULL, &issuer), ERROR_UNAVAILABLE, "no TEE found");
	/* the folder of Intel's driver on a host, and Gramine without SGX */
	stand_in_add("/dev/sgx", NULL, 0)->type = S_IFDIR;
	stand_in_add("/dev/attestation", NULL, 0)->type = S_IFDIR;
	assert_refused(issuer_open(&stand_in_kernel, NULL, &issuer), ERROR_UNAVAILABLE, "no TEE found");
	assert_null(issuer_real_tee(&stand_in_kernel));
	stand_in_add_text("/dev/attestation/attestation_type", "dcap");
	issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "gramine");
	marblerun_issuer_free(issuer);
	stand_in_remove("/dev/sgx");
	occlum(); /* has both */
	issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "occlum");
	assert_string_equal(issuer_real_tee(&stand_in_kernel), "Occlum");
	marblerun_issuer_free(issuer);
}

static void nothing_is_simulated_in_a_real_tee(void **state)
{
	(void)state;
	marblerun_issuer *issuer = NULL;
	assert_int_equal(setenv("MARBLERUN_SIM_PLATFORM", "/nonexistent", 1), 0);
	occlum();
	error *in_occlum = issuer_open(&stand_in_kernel, NULL, &issuer);
	stand_in_reset();
	stand_in_add("/sys/kernel/config/tsm/report", NULL, 0)->type = S_IFDIR;
	error *with_tsm = issuer_open(&stand_in_kernel, NULL, &issuer);
	unsetenv("MARBLERUN_SIM_PLATFORM");
	assert_refused(in_occlum, ERROR_INVALID, "runs in a real TEE (Occlum): unset it");
	assert_refused(with_tsm, ERROR_INVALID, "runs in a real TEE (configfs-tsm): unset it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ISSUER_TEST(quotes_carry_the_report_data),
		ISSUER_TEST(sizes_are_bounded),
		ISSUER_TEST(evidence_over_other_data_is_refused),
		ISSUER_TEST(failures_are_named),
		ISSUER_TEST(sealing_keys_follow_the_policy),
		ISSUER_TEST(the_key_request_is_intels),
		ISSUER_TEST(what_is_there_is_chosen),
		ISSUER_TEST(nothing_is_simulated_in_a_real_tee),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
