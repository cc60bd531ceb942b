/* Calls and activations, as they come out in the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "marble_api/counts.h"

struct world {
	struct metrics *metrics;
	struct marble_counts *counts;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_null(metrics_new(&w->metrics));
	assert_null(marble_counts_new(w->metrics, &w->counts));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	marble_counts_free(w->counts);
	metrics_free(w->metrics);
	free(w);
	return 0;
}

static void assert_line(const struct world *w, const char *line)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	metrics_write(w->metrics, &text);
	write_u8(&text, 0);
	if (!strstr((char *)text.data, line))
		fail_msg("no \"%s\" in\n%s", line, (char *)text.data);
}

#define ACTIVATE "{grpc_type=\"unary\",grpc_service=\"rpc.Marble\",grpc_method=\"Activate\""
#define ATTEST "{grpc_type=\"unary\",grpc_service=\"rpc.Marble\",grpc_method=\"Attest\""

static void calls_are_counted_by_method_and_status(void **state)
{
	struct world *w = *state;
	const struct grpc_observer *o = marble_counts_observer(w->counts);
	o->started(o->context, 0);
	o->received(o->context, 0);
	o->handled(o->context, 0, GRPC_OK);
	o->started(o->context, 0);
	o->handled(o->context, 0, GRPC_INVALID_ARGUMENT); /* its message was none */
	o->started(o->context, 1);
	o->received(o->context, 1);
	o->handled(o->context, 1, GRPC_UNAUTHENTICATED);
	assert_line(w, "\ngrpc_server_started_total" ACTIVATE "} 2\n");
	assert_line(w, "\ngrpc_server_msg_received_total" ACTIVATE "} 1\n");
	assert_line(w, "\ngrpc_server_msg_sent_total" ACTIVATE "} 1\n");
	assert_line(w, "\ngrpc_server_handled_total" ACTIVATE ",grpc_code=\"OK\"} 1\n");
	assert_line(w, "\ngrpc_server_handled_total" ACTIVATE ",grpc_code=\"InvalidArgument\"} 1\n");
	assert_line(w, "\ngrpc_server_handled_total" ATTEST ",grpc_code=\"Unauthenticated\"} 1\n");
	assert_line(w, "\ngrpc_server_handled_total" ATTEST ",grpc_code=\"OK\"} 0\n");
	assert_line(w, "\ngrpc_server_msg_sent_total" ATTEST "} 0\n");
}

static void codes_have_the_names_of_their_numbers(void **state)
{
	struct world *w = *state;
	const struct grpc_observer *o = marble_counts_observer(w->counts);
	static const struct {
		enum grpc_status status;
		const char *line;
	} cases[] = {
		{ GRPC_DEADLINE_EXCEEDED, "grpc_code=\"DeadlineExceeded\"} 1\n" },
		{ GRPC_NOT_FOUND, "grpc_code=\"NotFound\"} 1\n" },
		{ GRPC_PERMISSION_DENIED, "grpc_code=\"PermissionDenied\"} 1\n" },
		{ GRPC_RESOURCE_EXHAUSTED, "grpc_code=\"ResourceExhausted\"} 1\n" },
		{ GRPC_FAILED_PRECONDITION, "grpc_code=\"FailedPrecondition\"} 1\n" },
		{ GRPC_ABORTED, "grpc_code=\"Aborted\"} 1\n" },
		{ GRPC_UNIMPLEMENTED, "grpc_code=\"Unimplemented\"} 1\n" },
		{ GRPC_INTERNAL, "grpc_code=\"Internal\"} 1\n" },
		{ GRPC_UNAVAILABLE, "grpc_code=\"Unavailable\"} 1\n" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		o->handled(o->context, 0, cases[i].status);
		assert_line(w, cases[i].line);
	}
}

static void activations_are_counted_by_type_and_uuid(void **state)
{
	struct world *w = *state;
	bytes type = bytes_of_string("app"), uuid = bytes_of_string("u-1");
	marble_counts_activation(w->counts, type, uuid, true);
	marble_counts_activation(w->counts, type, uuid, false);
	marble_counts_activation(w->counts, bytes_of_string("x\"y"), BYTES_EMPTY, false);
	assert_line(w, "\ncoordinator_marble_activations_total{type=\"app\",uuid=\"u-1\"} 2\n");
	assert_line(w, "\ncoordinator_marble_activations_success_total{type=\"app\",uuid=\"u-1\"} 1\n");
	assert_line(w, "\ncoordinator_marble_activations_total{type=\"x\\\"y\",uuid=\"\"} 1\n");
}

static void without_counts_nothing_happens(void **state)
{
	(void)state;
	assert_null(marble_counts_observer(NULL));
	marble_counts_activation(NULL, bytes_of_string("app"), bytes_of_string("u"), true);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(calls_are_counted_by_method_and_status),
		WITH_WORLD(codes_have_the_names_of_their_numbers),
		WITH_WORLD(activations_are_counted_by_type_and_uuid),
		WITH_WORLD(without_counts_nothing_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
