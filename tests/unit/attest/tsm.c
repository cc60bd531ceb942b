/* Issuing through configfs-tsm and /dev/sev-guest, against a stand-in that keeps generations as Linux's tsm.c does. */
#include "issuer_testing.h"

#include <errno.h>
#include <linux/sev-guest.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "attest/snp/certificate_table.h"
#include "attest/snp/report.h"

#define REPORTS "/sys/kernel/config/tsm/report"
enum { ENTRIES_MAX = 64, THREADS = 8, ROUNDS = 25, QUOTE_SIZE = 5000 };

/* The provider, as a test sets it. */
static struct {
	const char *name;
	int make_error, report_error, report_failures; /* errno; that many reports fail, -1: all */
	int intrusions;     /* that many reports are written to by somebody else meanwhile */
	size_t report_size;
	struct blob certificates;
	uint64_t privlevel_floor;
	bool has_floor;
	unsigned made, last_privlevel;
} provider;

struct entry {
	char path[128]; /* empty: free */
	uint64_t written, read;
	uint8_t inblob[64];
	size_t inblob_size;
	struct blob report;
	unsigned privlevel;
};
static struct entry entries[ENTRIES_MAX];

static struct entry *entry_of(const struct stand_in_file *file)
{
	for (size_t i = 0; i < ENTRIES_MAX; i++) {
		size_t size = strlen(entries[i].path);
		if (size && strncmp(file->path, entries[i].path, size) == 0 && file->path[size] == '/')
			return &entries[i];
	}
	abort();
}

static int load_provider(struct stand_in_file *file, struct writer *to)
{
	(void)file;
	write_format(to, "%s\n", provider.name);
	return 0;
}

static int load_floor(struct stand_in_file *file, struct writer *to)
{
	(void)file;
	write_format(to, "%llu\n", (unsigned long long)provider.privlevel_floor);
	return 0;
}

static int load_generation(struct stand_in_file *file, struct writer *to)
{
	write_format(to, "%llu\n", (unsigned long long)entry_of(file)->written);
	return 0;
}

static int advance(struct entry *e)
{
	if (e->written == e->read - 1)
		return EBUSY;
	e->written++;
	return 0;
}

static int save_privlevel(struct stand_in_file *file, bytes written)
{
	struct entry *e = entry_of(file);
	unsigned level = written.size == 2 ? written.data[0] - '0' : 99;
	if (level < provider.privlevel_floor || level > 3)
		return EINVAL;
	e->privlevel = level;
	return advance(e);
}

/* "configfs_release_bin_file": what the attribute says of the bytes is lost. */
static int save_inblob(struct stand_in_file *file, bytes written)
{
	struct entry *e = entry_of(file);
	if (written.size > sizeof e->inblob || advance(e))
		return 0;
	memcpy(e->inblob, written.data, written.size);
	e->inblob_size = written.size;
	return 0;
}

static void make_report(const struct entry *e, struct writer *w)
{
	bool snp = strcmp(provider.name, "sev_guest") == 0;
	write_zeros(w, snp ? 0x50 : 568);
	write_bytes(w, bytes_of(e->inblob, e->inblob_size));
	if (provider.report_size > w->size)
		write_zeros(w, provider.report_size - w->size);
	provider.last_privlevel = e->privlevel;
}

static int report_new(struct entry *e)
{
	if (e->report.data && e->read == e->written)
		return 0;
	if (!e->inblob_size)
		return EINVAL;
	if (provider.report_failures) {
		provider.report_failures -= provider.report_failures > 0;
		return provider.report_error;
	}
	CLEANUP(writer_free) struct writer w = { 0 };
	make_report(e, &w);
	blob_free(&e->report);
	if (blob_of_writer(&w, "report", &e->report))
		abort();
	e->read = e->written;
	provider.made++;
	return 0;
}

/* Somebody else asks through our entry, between our write and our read. */
static void intrude(struct entry *e)
{
	if (!provider.intrusions)
		return;
	provider.intrusions--;
	memset(e->inblob, 0xee, sizeof e->inblob);
	if (advance(e))
		abort();
}

static int load_outblob(struct stand_in_file *file, struct writer *to)
{
	struct entry *e = entry_of(file);
	intrude(e);
	int number = report_new(e);
	if (!number)
		write_bytes(to, blob_view(&e->report));
	return number;
}

static int load_auxblob(struct stand_in_file *file, struct writer *to)
{
	int number = report_new(entry_of(file));
	if (!number)
		write_bytes(to, blob_view(&provider.certificates));
	return number;
}

static struct stand_in_file *attribute(const char *entry, const char *name)
{
	char path[192];
	snprintf(path, sizeof path, "%s/%s", entry, name);
	return stand_in_add(path, NULL, 0);
}

static int make_entry(const char *path)
{
	size_t i = 0;
	if (provider.make_error)
		return provider.make_error;
	while (*entries[i].path)
		if (++i == ENTRIES_MAX)
			return ENOSPC;
	snprintf(entries[i].path, sizeof entries[i].path, "%s", path);
	attribute(path, "provider")->load = load_provider;
	attribute(path, "generation")->load = load_generation;
	attribute(path, "inblob")->save = save_inblob;
	attribute(path, "outblob")->load = load_outblob;
	if (strcmp(provider.name, "sev_guest") == 0) {
		attribute(path, "auxblob")->load = load_auxblob;
		if (provider.has_floor) {
			attribute(path, "privlevel_floor")->load = load_floor;
			attribute(path, "privlevel")->save = save_privlevel;
		}
	}
	return 0;
}

static int remove_entry(const char *path)
{
	static const char *const names[] = { "provider", "generation", "inblob", "outblob", "auxblob",
					     "privlevel_floor", "privlevel" };
	char attribute_path[192];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(attribute_path, sizeof attribute_path, "%s/%s", path, names[i]);
		stand_in_remove(attribute_path);
	}
	for (size_t i = 0; i < ENTRIES_MAX; i++)
		if (strcmp(entries[i].path, path) == 0) {
			blob_free(&entries[i].report);
			entries[i] = (struct entry){ 0 };
		}
	return 0;
}

static void guest(const char *name)
{
	provider.name = name;
	provider.report_size = strcmp(name, "sev_guest") == 0 ? SNP_REPORT_SIZE : QUOTE_SIZE;
	stand_in_add(REPORTS, NULL, 0)->type = S_IFDIR;
	stand_in_mkdir_hook = make_entry;
	stand_in_rmdir_hook = remove_entry;
}

static int clear(void **state)
{
	reset(state);
	blob_free(&provider.certificates);
	memset(&provider, 0, sizeof provider);
	return 0;
}

/* No entry and no open file is left behind, whatever happened. */
static int check_and_clear(void **state)
{
	size_t left = stand_in_count(REPORTS "/");
	int result = check_and_reset(state);
	clear(state);
	return left ? -1 : result;
}
#define TSM_TEST(test) cmocka_unit_test_setup_teardown(test, clear, check_and_clear)

static bool issued(marblerun_issuer *issuer, uint8_t with, struct blob *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t data[64];
	memset(data, with, sizeof data);
	return marblerun_issue(issuer, data, &ret->data, &ret->size, reason) == 0;
}

static void assert_issued(marblerun_issuer *issuer, uint8_t with, size_t at, size_t size)
{
	CLEANUP(blob_free) struct blob evidence = { 0 };
	uint8_t data[64];
	memset(data, with, sizeof data);
	assert_true(issued(issuer, with, &evidence));
	assert_int_equal(evidence.size, size);
	assert_memory_equal(evidence.data + at, data, sizeof data);
}

static void assert_not_issued(marblerun_issuer *issuer, const char *part)
{
	char reason[MARBLERUN_REASON_SIZE] = "";
	uint8_t data[64], *evidence = NULL;
	size_t size = 0;
	memset(data, 0x77, sizeof data);
	assert_int_equal(marblerun_issue(issuer, data, &evidence, &size, reason), 1);
	if (!strstr(reason, part))
		fail_msg("\"%s\", where \"%s\" is expected", reason, part);
	assert_null(evidence);
}

static void tdx_gives_quotes(void **state)
{
	(void)state;
	struct secret key = { 0 };
	guest("tdx_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "tdx");
	assert_issued(issuer, 0x11, 568, QUOTE_SIZE);
	assert_issued(issuer, 0x22, 568, QUOTE_SIZE);
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNSUPPORTED,
		       "TDX has no sealing keys");
	assert_refused(issuer_sealing_key(issuer, SEALING_PRODUCT, &key), ERROR_UNSUPPORTED,
		       "TDX has no sealing keys");
}

static void write_certificates(void)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	struct snp_certificate_table table = { .vcek = bytes_of_string("the vcek"),
					       .ask = bytes_of_string("the ask"),
					       .ark = bytes_of_string("the ark") };
	snp_certificate_table_write(&table, &w);
	write_zeros(&w, 16384 - w.size); /* hosts give whole pages */
	blob_free(&provider.certificates);
	must(blob_of_writer(&w, "table", &provider.certificates));
}

static void snp_reports_carry_their_certificates(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob evidence = { 0 };
	struct snp_certificate_table table;
	guest("sev_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "sev-snp");
	assert_issued(issuer, 0x11, 0x50, SNP_REPORT_SIZE);
	write_certificates();
	assert_true(issued(issuer, 0x33, &evidence));
	bytes behind = bytes_slice(blob_view(&evidence), SNP_REPORT_SIZE, SIZE_MAX);
	must(snp_certificate_table_read(behind, &table));
	assert_int_equal(behind.size, table.size); /* without the padding */
	assert_true(bytes_equal_string(table.vcek, "the vcek"));
	assert_true(bytes_equal_string(table.ask, "the ask"));
	assert_true(bytes_equal_string(table.ark, "the ark"));
	assert_int_equal(table.vlek.size, 0);
}

static void a_malformed_table_of_the_host_is_named(void **state)
{
	(void)state;
	guest("sev_guest");
	write_certificates();
	provider.certificates.data[16] = 0xff; /* the first entry's offset */
	provider.certificates.data[17] = 0xff;
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_not_issued(issuer, "certificates of the host: certificate table: an entry points");
	provider.certificates.size = 20;
	assert_not_issued(issuer, "certificates of the host: certificate table");
}

static void reports_of_another_size_are_refused(void **state)
{
	(void)state;
	guest("sev_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	provider.report_size = SNP_REPORT_SIZE - 1;
	assert_not_issued(issuer, "a SEV-SNP report of 1183 bytes");
	provider.report_size = SNP_REPORT_SIZE + 1;
	assert_not_issued(issuer, "a SEV-SNP report of 1185 bytes");
	provider.report_size = 1 << 20;
	assert_not_issued(issuer, "/outblob");
}

static void the_privilege_level_is_named_where_it_must_be(void **state)
{
	(void)state;
	guest("sev_guest");
	provider.has_floor = true;
	CLEANUP_ISSUER marblerun_issuer *at_0 = open_on_stand_in();
	assert_issued(at_0, 0x44, 0x50, SNP_REPORT_SIZE);
	assert_int_equal(provider.last_privlevel, 0);
	provider.privlevel_floor = 2;
	CLEANUP_ISSUER marblerun_issuer *at_2 = open_on_stand_in();
	assert_issued(at_2, 0x44, 0x50, SNP_REPORT_SIZE);
	assert_int_equal(provider.last_privlevel, 2);
	provider.privlevel_floor = 4;
	marblerun_issuer *none = NULL;
	assert_refused(issuer_open(&stand_in_kernel, NULL, &none), ERROR_UNAVAILABLE, "privlevel_floor");
}

static void busy_providers_are_asked_again(void **state)
{
	(void)state;
	static const int errors[] = { EBUSY, EAGAIN };
	guest("tdx_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		provider.report_error = errors[i];
		provider.report_failures = 5;
		assert_issued(issuer, 0x55, 568, QUOTE_SIZE);
		provider.report_failures = -1;
		assert_not_issued(issuer, "8 attempts");
	}
	assert_in_range(stand_in_paused(), 100, 10000);
}

static void other_failures_are_not_repeated(void **state)
{
	(void)state;
	guest("tdx_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	provider.report_error = EIO;
	provider.report_failures = 1;
	assert_not_issued(issuer, "/outblob: Input/output error");
	provider.make_error = ENXIO;
	assert_not_issued(issuer, "is the module tdx_guest or sev_guest loaded?");
	provider.make_error = EACCES;
	assert_not_issued(issuer, "only root may make reports");
	assert_int_equal(stand_in_paused(), 0);
}

static void a_generation_that_moved_is_noticed(void **state)
{
	(void)state;
	guest("sev_guest");
	write_certificates();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	CLEANUP(blob_free) struct blob evidence = { 0 };
	provider.intrusions = 3;
	assert_true(issued(issuer, 0x66, &evidence));
	assert_int_equal(evidence.data[0x50], 0x66);
	assert_int_equal(provider.intrusions, 0);
	provider.intrusions = 1000;
	assert_not_issued(issuer, "was written to by somebody else");
}

static pthread_barrier_t start;

static void *issue_often(void *number)
{
	marblerun_issuer *issuer = open_on_stand_in();
	int i = 0;
	pthread_barrier_wait(&start);
	for (bool good = true; good && i < ROUNDS; i += good) {
		CLEANUP(blob_free) struct blob evidence = { 0 };
		uint8_t with = (uint8_t)(uintptr_t)number;
		good = issued(issuer, with, &evidence) && evidence.data[568] == with;
	}
	marblerun_issuer_free(issuer);
	return i == ROUNDS ? NULL : number;
}

static void threads_do_not_meet(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	guest("tdx_guest");
	pthread_barrier_init(&start, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, issue_often, (void *)(i + 1)), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void other_providers_are_refused(void **state)
{
	(void)state;
	marblerun_issuer *issuer = NULL;
	guest("arm_cca_guest");
	assert_refused(issuer_open(&stand_in_kernel, NULL, &issuer), ERROR_UNSUPPORTED,
		       "\"arm_cca_guest\"; tdx_guest or sev_guest is expected");
	assert_null(issuer);
}

/* The interface is built into the kernel, but this is no guest of a TEE. */
static void a_folder_without_provider_is_no_tee(void **state)
{
	(void)state;
	marblerun_issuer *issuer = NULL;
	guest("tdx_guest");
	provider.make_error = ENXIO;
	assert_null(issuer_real_tee(&stand_in_kernel));
	assert_refused(issuer_open(&stand_in_kernel, NULL, &issuer), ERROR_UNAVAILABLE, "no TEE found");
	provider.make_error = EACCES;
	assert_string_equal(issuer_real_tee(&stand_in_kernel), "configfs-tsm");
	assert_refused(issuer_open(&stand_in_kernel, NULL, &issuer), ERROR_UNAVAILABLE, "only root may make reports");
}

/* /dev/sev-guest */
static struct {
	int error, failures;
	uint32_t status;
	uint64_t fields;
	uint32_t vmpl, root;
	uint8_t first;
	uint32_t report_size;
} processor;

static int derive_key(const struct snp_derived_key_req *asked, uint8_t *answer)
{
	processor.fields = asked->guest_field_select;
	processor.vmpl = asked->vmpl;
	processor.root = asked->root_key_select;
	memset(answer, 0, 64);
	memcpy(answer, &processor.status, 4);
	memset(answer + 0x20, processor.first, 32);
	return 0;
}

static int extended_report(const struct snp_ext_report_req *asked, uint8_t *answer)
{
	bytes certificates = blob_view(&provider.certificates);
	if (asked->certs_len % 4096 || certificates.size > asked->certs_len)
		return ENOSPC;
	if (certificates.size)
		memcpy((void *)(uintptr_t)asked->certs_address, certificates.data, certificates.size);
	memcpy(answer, &processor.status, 4);
	memcpy(answer + 4, &processor.report_size, 4);
	memcpy(answer + 0x20 + 0x50, asked->data.user_data, 64);
	return 0;
}

static int guest_request(struct stand_in_file *file, unsigned long request, void *argument)
{
	struct snp_guest_request_ioctl *message = argument;
	const void *asked = (const void *)(uintptr_t)message->req_data;
	void *answer = (void *)(uintptr_t)message->resp_data;
	(void)file;
	if (message->msg_version != 1)
		return EINVAL;
	if (processor.failures) {
		processor.failures--;
		message->exitinfo2 = processor.error == EIO ? 0x16 : 0;
		return processor.error;
	}
	return request == SNP_GET_DERIVED_KEY ? derive_key(asked, answer) :
	       request == SNP_GET_EXT_REPORT  ? extended_report(asked, answer) :
						ENOTTY;
}

static void sev_guest_device(void)
{
	struct stand_in_file *device = stand_in_add("/dev/sev-guest", NULL, 0);
	memset(&processor, 0, sizeof processor);
	processor.report_size = SNP_REPORT_SIZE;
	device->type = S_IFCHR;
	device->control = guest_request;
}

static void snp_derives_unique_keys(void **state)
{
	(void)state;
	sev_guest_device();
	processor.first = 0x5a;
	guest("sev_guest");
	provider.has_floor = true;
	provider.privlevel_floor = 2;
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	CLEANUP(secret_free) struct secret key = { 0 }, other = { 0 }, none = { 0 };
	must(issuer_sealing_key(issuer, SEALING_UNIQUE, &key));
	assert_int_equal(key.size, SEALING_KEY_SIZE);
	assert_int_equal(processor.fields, 9); /* GUEST_POLICY, MEASUREMENT */
	assert_int_equal(processor.vmpl, 2);
	assert_int_equal(processor.root, 0);
	processor.first = 0xa5;
	must(issuer_sealing_key(issuer, SEALING_UNIQUE, &other));
	assert_false(secret_equal(secret_view(&key), secret_view(&other)));
	assert_refused(issuer_sealing_key(issuer, SEALING_PRODUCT, &none), ERROR_UNSUPPORTED,
		       "use SealMode UniqueKey");
}

static void keys_that_were_not_derived_are_refused(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret key = { 0 };
	guest("sev_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNAVAILABLE,
		       "opening /dev/sev-guest: No such file");
	sev_guest_device();
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_INVALID, "all zeros");
	processor.first = 1;
	processor.status = 0x16;
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNAVAILABLE, "status 0x16");
	processor.status = 0;
	processor.error = EIO;
	processor.failures = 1;
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNAVAILABLE,
		       "firmware error 0x16, hypervisor error 0");
	processor.error = EAGAIN;
	processor.failures = 4;
	must(issuer_sealing_key(issuer, SEALING_UNIQUE, &key)); /* it was throttled */
	processor.failures = 100;
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_UNAVAILABLE,
		       "Resource temporarily unavailable");
}

/* Linux before 6.7 */
static void reports_come_by_ioctl_without_configfs(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob evidence = { 0 };
	CLEANUP(secret_free) struct secret key = { 0 }, none = { 0 };
	struct snp_certificate_table table;
	sev_guest_device();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "sev-snp");
	assert_issued(issuer, 0x11, 0x50, SNP_REPORT_SIZE); /* the host has no certificates */
	write_certificates();
	assert_true(issued(issuer, 0x22, &evidence));
	must(snp_certificate_table_read(bytes_slice(blob_view(&evidence), SNP_REPORT_SIZE, SIZE_MAX), &table));
	assert_true(bytes_equal_string(table.vcek, "the vcek"));
	processor.first = 1;
	must(issuer_sealing_key(issuer, SEALING_UNIQUE, &key));
	assert_refused(issuer_sealing_key(issuer, SEALING_PRODUCT, &none), ERROR_UNSUPPORTED, "UniqueKey");
}

static void failures_of_the_device_are_named(void **state)
{
	(void)state;
	sev_guest_device();
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	processor.status = 0x27;
	assert_not_issued(issuer, "the secure processor refused: status 0x27");
	processor.status = 0;
	static const uint32_t sizes[] = { 0, SNP_REPORT_SIZE - 1, SNP_REPORT_SIZE + 1, 3969, UINT32_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		processor.report_size = sizes[i];
		assert_not_issued(issuer, sizes[i] > 3968 ? "MSG_REPORT_RSP" : "1184 are expected");
	}
	processor.report_size = SNP_REPORT_SIZE;
	processor.error = EIO;
	processor.failures = 1;
	assert_not_issued(issuer, "SEV-SNP report: firmware error 0x16, hypervisor error 0: asking /dev/sev-guest");
	processor.error = EAGAIN;
	processor.failures = 5;
	assert_issued(issuer, 0x33, 0x50, SNP_REPORT_SIZE);
}

static void configfs_comes_first(void **state)
{
	(void)state;
	sev_guest_device();
	guest("tdx_guest");
	CLEANUP_ISSUER marblerun_issuer *issuer = open_on_stand_in();
	assert_string_equal(marblerun_issuer_name(issuer), "tdx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TSM_TEST(tdx_gives_quotes),
		TSM_TEST(snp_reports_carry_their_certificates),
		TSM_TEST(a_malformed_table_of_the_host_is_named),
		TSM_TEST(reports_of_another_size_are_refused),
		TSM_TEST(the_privilege_level_is_named_where_it_must_be),
		TSM_TEST(busy_providers_are_asked_again),
		TSM_TEST(other_failures_are_not_repeated),
		TSM_TEST(a_generation_that_moved_is_noticed),
		TSM_TEST(threads_do_not_meet),
		TSM_TEST(other_providers_are_refused),
		TSM_TEST(a_folder_without_provider_is_no_tee),
		TSM_TEST(snp_derives_unique_keys),
		TSM_TEST(keys_that_were_not_derived_are_refused),
		TSM_TEST(reports_come_by_ioctl_without_configfs),
		TSM_TEST(failures_of_the_device_are_named),
		TSM_TEST(configfs_comes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
