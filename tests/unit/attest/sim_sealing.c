/* Sealing keys of the simulated platform. */
#include "issuer_testing.h"

#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "marblerun/sim.h"

static char folder[] = "/tmp/test-sim-sealing-XXXXXX";
static char reason[MARBLERUN_REASON_SIZE];

static char *path_of(const char *name)
{
	char *path = NULL;
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static void write_program(const char *name, const char *content)
{
	CLEANUP_FREE char *path = path_of(name);
	must(file_replace(path, bytes_of_string(content), 0755));
}

static int set_up(void **state)
{
	(void)state;
	CLEANUP_FREE char *platform = NULL;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	platform = path_of("platform");
	assert_int_equal(marblerun_sim_create(platform, 1700000000, 30, reason), 0);
	assert_int_equal(setenv("MARBLERUN_SIM_PLATFORM", platform, 1), 0);
	write_program("a", "program a");
	write_program("b", "program b");
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type, (void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("MARBLERUN_SIM_PLATFORM");
	stand_in_reset();
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* On a kernel without any TEE. */
static struct secret key_of(const char *program, enum sealing_kind kind)
{
	CLEANUP_FREE char *path = path_of(program);
	CLEANUP_ISSUER marblerun_issuer *issuer = NULL;
	struct secret key = { 0 };
	must(issuer_open(&stand_in_kernel, path, &issuer));
	assert_string_equal(marblerun_issuer_name(issuer), "simulated");
	must(issuer_sealing_key(issuer, kind, &key));
	assert_int_equal(key.size, SEALING_KEY_SIZE);
	return key;
}

static bool same_keys(const char *a, enum sealing_kind kind_a, const char *b, enum sealing_kind kind_b)
{
	CLEANUP(secret_free) struct secret one = key_of(a, kind_a), other = key_of(b, kind_b);
	return secret_equal(secret_view(&one), secret_view(&other));
}

static void sign(const char *program, uint16_t product, uint16_t version, bool debug)
{
	CLEANUP_FREE char *path = path_of(program), *platform = path_of("platform");
	assert_int_equal(marblerun_sim_sign(platform, path, product, version, debug, reason), 0);
}

static void a_unique_key_is_the_programs(void **state)
{
	(void)state;
	assert_true(same_keys("a", SEALING_UNIQUE, "a", SEALING_UNIQUE));
	assert_false(same_keys("a", SEALING_UNIQUE, "b", SEALING_UNIQUE));
	assert_false(same_keys("a", SEALING_UNIQUE, "a", SEALING_PRODUCT));
	sign("a", 1, 9, false);
	CLEANUP(secret_free) struct secret before = key_of("a", SEALING_UNIQUE);
	write_program("a", "program a, another build");
	CLEANUP(secret_free) struct secret after = key_of("a", SEALING_UNIQUE);
	assert_false(secret_equal(secret_view(&before), secret_view(&after)));
}

static void a_product_key_is_its_signers(void **state)
{
	(void)state;
	assert_true(same_keys("a", SEALING_PRODUCT, "b", SEALING_PRODUCT));
	sign("b", 1, 7, false); /* another version */
	assert_true(same_keys("a", SEALING_PRODUCT, "b", SEALING_PRODUCT));
	sign("b", 2, 1, false);
	assert_false(same_keys("a", SEALING_PRODUCT, "b", SEALING_PRODUCT));
	sign("a", 2, 1, false);
	assert_true(same_keys("a", SEALING_PRODUCT, "b", SEALING_PRODUCT));
	CLEANUP(secret_free) struct secret before = key_of("a", SEALING_PRODUCT);
	CLEANUP_FREE char *signer = path_of("platform/private/signer.key");
	CLEANUP_FREE char *other = path_of("platform/private/attestation.key");
	CLEANUP(blob_free) struct blob key = { 0 };
	must(file_read(other, 1 << 16, &key));
	must(file_replace(signer, blob_view(&key), 0600)); /* another signer */
	sign("a", 2, 1, false);
	CLEANUP(secret_free) struct secret after = key_of("a", SEALING_PRODUCT);
	assert_false(secret_equal(secret_view(&before), secret_view(&after)));
}

static void debug_programs_have_other_keys(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret unique = key_of("a", SEALING_UNIQUE);
	CLEANUP(secret_free) struct secret product = key_of("a", SEALING_PRODUCT);
	sign("a", 1, 1, true);
	CLEANUP(secret_free) struct secret debug_unique = key_of("a", SEALING_UNIQUE);
	CLEANUP(secret_free) struct secret debug_product = key_of("a", SEALING_PRODUCT);
	assert_false(secret_equal(secret_view(&unique), secret_view(&debug_unique)));
	assert_false(secret_equal(secret_view(&product), secret_view(&debug_product)));
}

static void assert_private_file(const char *path)
{
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(info.st_size, 32);
}

static void each_platform_has_its_own(void **state)
{
	(void)state;
	CLEANUP_FREE char *path = path_of("platform/private/sealing.secret");
	assert_private_file(path);
	CLEANUP(secret_free) struct secret before = key_of("a", SEALING_PRODUCT);
	assert_int_equal(unlink(path), 0); /* as on a platform of an earlier release */
	CLEANUP(secret_free) struct secret after = key_of("a", SEALING_PRODUCT);
	assert_private_file(path);
	assert_false(secret_equal(secret_view(&before), secret_view(&after)));
	assert_true(same_keys("a", SEALING_PRODUCT, "a", SEALING_PRODUCT));
}

enum { THREADS = 8 };

static void *take_key(void *to)
{
	*(struct secret *)to = key_of("a", SEALING_UNIQUE);
	return NULL;
}

static void first_users_agree(void **state)
{
	(void)state;
	CLEANUP_FREE char *path = path_of("platform/private/sealing.secret");
	for (int round = 0; round < 20; round++) {
		pthread_t threads[THREADS];
		struct secret keys[THREADS] = { 0 };
		assert_int_equal(unlink(path), 0);
		for (size_t i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, take_key, &keys[i]), 0);
		for (size_t i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (size_t i = 1; i < THREADS; i++)
			assert_true(secret_equal(secret_view(&keys[0]), secret_view(&keys[i])));
		for (size_t i = 0; i < THREADS; i++)
			secret_free(&keys[i]);
	}
}

static void a_damaged_secret_is_refused(void **state)
{
	(void)state;
	CLEANUP_FREE char *path = path_of("platform/private/sealing.secret"), *program = path_of("a");
	CLEANUP_ISSUER marblerun_issuer *issuer = NULL;
	struct secret key = { 0 };
	must(issuer_open(&stand_in_kernel, program, &issuer));
	must(file_replace(path, bytes_of_string("short"), 0600));
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_INVALID,
		       "sealing.secret: 32 bytes are expected, there are 5");
	static const uint8_t zeros[32];
	must(file_replace(path, BYTES_OF_ARRAY(zeros), 0600));
	assert_refused(issuer_sealing_key(issuer, SEALING_UNIQUE, &key), ERROR_INVALID, "all zeros");
	assert_null(key.data);
}

/* A host that sets a variable must not turn a real coordinator into a simulated one. */
static void nothing_is_simulated_in_a_real_tee(void **state)
{
	(void)state;
	CLEANUP_FREE char *program = path_of("a");
	marblerun_issuer *issuer = NULL;
	stand_in_add_text("/dev/attestation/attestation_type", "dcap");
	assert_refused(issuer_open(&stand_in_kernel, program, &issuer), ERROR_INVALID,
		       "MARBLERUN_SIM_PLATFORM is set, but this process runs in a real TEE (Gramine)");
	assert_null(issuer);
}

#define SIM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(a_unique_key_is_the_programs),
		SIM_TEST(a_product_key_is_its_signers),
		SIM_TEST(debug_programs_have_other_keys),
		SIM_TEST(each_platform_has_its_own),
		SIM_TEST(first_users_agree),
		SIM_TEST(a_damaged_secret_is_refused),
		SIM_TEST(nothing_is_simulated_in_a_real_tee),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
