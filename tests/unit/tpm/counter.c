/* The counter, in a software TPM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tpm/counter.h"

static char folder[64], tcti[96];
static pid_t swtpm;

static void assert_ok(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static bool listens(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = connect(s, (struct sockaddr *)&at, sizeof at) == 0;
	close(s);
	return good;
}

/* tpm2-tss finds the control channel at the next port. False: one of them was taken. */
static bool start_at(int port)
{
	char state[96], server[64], control[64];
	snprintf(state, sizeof state, "dir=%s", folder);
	snprintf(server, sizeof server, "type=tcp,bindaddr=127.0.0.1,port=%d", port);
	snprintf(control, sizeof control, "type=tcp,bindaddr=127.0.0.1,port=%d", port + 1);
	snprintf(tcti, sizeof tcti, "swtpm:host=127.0.0.1,port=%d", port);
	swtpm = fork();
	if (swtpm == 0) {
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control,
		       "--flags", "not-need-init", NULL);
		_exit(127);
	}
	while (!listens(port + 1)) {
		if (waitpid(swtpm, NULL, WNOHANG) == swtpm)
			return false;
		usleep(10000);
	}
	return true;
}

static void start(void)
{
	static int port; /* below those that the kernel gives */
	if (!port)
		port = 20000 + getpid() % 12000;
	do
		port += 2;
	while (!start_at(port));
}

static int stop(void **state)
{
	(void)state;
	kill(swtpm, SIGTERM);
	waitpid(swtpm, NULL, 0);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/marblerun-tpm.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	start();
	return 0;
}

static int remove_one(const char *path, const struct stat *is, int type, struct FTW *at)
{
	(void)is, (void)type, (void)at;
	return remove(path);
}

static int end(void **state)
{
	stop(state);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const uint8_t auth[32] = { 7 }, other_auth[32] = { 8 };

static void counts_across_restarts(void **state)
{
	(void)state;
	CLEANUP(tpm_counter_close) struct tpm_counter *c = NULL;
	uint32_t index;
	uint64_t first, then;
	assert_ok(tpm_counter_open(tcti, &c));
	assert_ok(tpm_counter_provision(c, BYTES_OF_ARRAY(auth), &index));
	assert_ok(tpm_counter_read(c, &first));
	assert_ok(tpm_counter_increment(c));
	assert_ok(tpm_counter_increment(c));
	assert_ok(tpm_counter_read(c, &then));
	assert_int_equal(then, first + 2);
	tpm_counter_close(TAKE(c));
	stop(NULL);
	start();
	assert_ok(tpm_counter_open(tcti, &c));
	assert_ok(tpm_counter_use(c, index, BYTES_OF_ARRAY(auth)));
	assert_ok(tpm_counter_read(c, &then));
	assert_int_equal(then, first + 2);
	/* A second one is another. */
	uint32_t other;
	assert_ok(tpm_counter_provision(c, BYTES_OF_ARRAY(other_auth), &other));
	assert_int_not_equal(index, other);
}

static void needs_its_owner(void **state)
{
	(void)state;
	CLEANUP(tpm_counter_close) struct tpm_counter *c = NULL;
	uint32_t index;
	uint64_t value;
	assert_ok(tpm_counter_open(tcti, &c));
	assert_ok(tpm_counter_provision(c, BYTES_OF_ARRAY(auth), &index));
	assert_ok(tpm_counter_use(c, index, BYTES_OF_ARRAY(other_auth)));
	CLEANUP(error_free) error *wrong = tpm_counter_increment(c);
	assert_non_null(wrong);
	CLEANUP(error_free) error *unread = tpm_counter_read(c, &value);
	assert_non_null(unread);
	CLEANUP(error_free) error *missing = tpm_counter_use(c, 0x01900000, BYTES_OF_ARRAY(auth));
	assert_int_equal(error_code(missing), ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(counts_across_restarts, begin, end),
					    cmocka_unit_test_setup_teardown(needs_its_owner, begin, end) };
	setenv("TSS2_LOG", "all+none", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
