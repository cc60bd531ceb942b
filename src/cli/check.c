#include <time.h>

#include "base/clock.h"
#include "cli/coordinator.h"
#include "cli/output.h"
#include "cli/statement.h"
#include "cli/status.h"

enum { TIMEOUT_S = 60, PAUSE_MS = 250, STATE_UNINITIALIZED = 0 };

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

/* Any answer at all; nothing of it is believed. */
static error *knock(const char *address, unsigned seconds)
{
	CLEANUP(http_client_free) struct http_client *client = NULL;
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	CLEANUP_FREE char *url = NULL;
	TRY(client_url(address, "/api/v2/status", &url));
	TRY(http_client_new(&(struct http_client_options){ .trust = HTTP_TRUST_NOBODY,
							   .timeout_s = seconds }, &client));
	return http_client_send(client, "GET", url, NULL, BYTES_EMPTY, &reply);
}

static error *wait_for_answer(const char *address, int64_t end_ms, unsigned timeout_s)
{
	for (;;) {
		int64_t left = end_ms - clock_monotonic_ms();
		error *e = knock(address, left > 1000 ? (unsigned)(left / 1000) : 1);
		if (!e || error_code(e) != ERROR_UNAVAILABLE)
			return e;
		left = end_ms - clock_monotonic_ms();
		if (left <= 0)
			return error_wrap(e, "no coordinator after %u seconds", timeout_s);
		error_free(e);
		pause_ms(left < PAUSE_MS ? (long)left : PAUSE_MS);
	}
}

static error *wait_for_state(struct coordinator *c, int64_t end_ms, unsigned timeout_s)
{
	for (;;) {
		CLEANUP(coordinator_status_free) struct coordinator_status status = { 0 };
		TRY(coordinator_status_fetch(c, &status));
		if (status.code != STATE_UNINITIALIZED) {
			printf("%lld: %s\n", (long long)status.code, status.message);
			return NULL;
		}
		if (clock_monotonic_ms() >= end_ms)
			return error_new(ERROR_UNAVAILABLE, "the coordinator still starts after %u seconds",
					 timeout_s);
		pause_ms(PAUSE_MS);
	}
}

static error *run(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	bool given = flag_given(&call->flags, FLAG_TIMEOUT);
	unsigned timeout_s = given ? call->flags.numbers[FLAG_TIMEOUT] : TIMEOUT_S;
	int64_t end_ms = clock_monotonic_ms() + (int64_t)timeout_s * 1000;
	TRY(wait_for_answer(call->arguments[0], end_ms, timeout_s));
	TRY(coordinator_open(call, call->arguments[0], &c));
	return wait_for_state(&c, end_ms, timeout_s);
}

const struct command check_command = {
	.name = "check",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Wait until a coordinator serves",
	.text = "Then connects to the coordinator that was verified last, or verifies it when\n"
		"--era-config is given, and prints its state as 'status' does.\n",
	.examples = "  marblerun check mesh.example:4433 --timeout 30\n",
	.own = { FLAG_TIMEOUT },
	.run = run,
};
