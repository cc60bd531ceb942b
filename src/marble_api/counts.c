#include "marble_api/counts.h"

#include "marble_api/marble_api_internal.h"

/* All codes of gRPC, by the names that go-grpc-prometheus gives them. */
static const char *const code_names[] = {
	"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
	"PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange",
	"Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
};
enum { METHODS_MAX = 8 };

/* The series of one method. */
struct method_counts {
	struct metric_series *started, *received, *sent, *handled[ARRAY_SIZE(code_names)];
};
struct marble_counts {
	struct metric *activations, *successes;
	struct method_counts methods[METHODS_MAX];
	struct grpc_observer observer;
};

#define CALL_LABELS { "grpc_type", "grpc_service", "grpc_method" }
static const struct metric_definition activations = {
	"coordinator_marble_activations_total", "Attempts of marbles to be activated.", METRIC_COUNTER,
	.labels = { "type", "uuid" }
};
static const struct metric_definition successes = {
	"coordinator_marble_activations_success_total", "Activations that were granted.", METRIC_COUNTER,
	.labels = { "type", "uuid" }
};
static const struct metric_definition started = {
	"grpc_server_started_total", "Calls that began.", METRIC_COUNTER, .labels = CALL_LABELS
};
static const struct metric_definition handled = {
	"grpc_server_handled_total", "Calls that ended, by their status.", METRIC_COUNTER,
	.labels = { "grpc_type", "grpc_service", "grpc_method", "grpc_code" }
};
static const struct metric_definition received = {
	"grpc_server_msg_received_total", "Messages that came with calls.", METRIC_COUNTER,
	.labels = CALL_LABELS
};
static const struct metric_definition sent = {
	"grpc_server_msg_sent_total", "Messages that were sent in answer to calls.", METRIC_COUNTER,
	.labels = CALL_LABELS
};

static void note_started(void *context, size_t method)
{
	struct marble_counts *c = context;
	metric_count(c->methods[method].started);
}

static void note_received(void *context, size_t method)
{
	struct marble_counts *c = context;
	metric_count(c->methods[method].received);
}

static void note_handled(void *context, size_t method, enum grpc_status status)
{
	struct marble_counts *c = context;
	metric_count(c->methods[method].handled[status]);
	if (status == GRPC_OK)
		metric_count(c->methods[method].sent);
}

struct call_families {
	struct metric *started, *handled, *received, *sent;
};

static error *add_families(struct metrics *m, struct marble_counts *c, struct call_families *ret)
{
	TRY(metrics_add(m, &activations, NULL, &c->activations));
	TRY(metrics_add(m, &successes, NULL, &c->successes));
	TRY(metrics_add(m, &started, NULL, &ret->started));
	TRY(metrics_add(m, &handled, NULL, &ret->handled));
	TRY(metrics_add(m, &received, NULL, &ret->received));
	return metrics_add(m, &sent, NULL, &ret->sent);
}

/* "/service/method". All its series are there from the start, at zero. */
static void open_method(const struct call_families *f, const char *path, struct method_counts *ret)
{
	const char *slash = strrchr(path, '/');
	bytes values[] = { bytes_of_string("unary"), bytes_of(path + 1, (size_t)(slash - path - 1)),
			   bytes_of_string(slash + 1), BYTES_EMPTY };
	ret->started = metric_series(f->started, values, METRIC_KNOWN);
	ret->received = metric_series(f->received, values, METRIC_KNOWN);
	ret->sent = metric_series(f->sent, values, METRIC_KNOWN);
	for (size_t i = 0; i < ARRAY_SIZE(code_names); i++) {
		values[3] = bytes_of_string(code_names[i]);
		ret->handled[i] = metric_series(f->handled, values, METRIC_KNOWN);
	}
}

error *marble_counts_new(struct metrics *m, struct marble_counts **ret)
{
	struct call_families families;
	CLEANUP(marble_counts_free) struct marble_counts *c = calloc(1, sizeof *c);
	TRY_ALLOC(c);
	TRY(add_families(m, c, &families));
	for (size_t i = 0; i < marble_method_count && i < METHODS_MAX; i++)
		open_method(&families, marble_methods[i].path, &c->methods[i]);
	c->observer = (struct grpc_observer){ c, note_started, note_received, note_handled };
	*ret = TAKE(c);
	return NULL;
}

void marble_counts_free(struct marble_counts *c)
{
	free(c);
}

const struct grpc_observer *marble_counts_observer(const struct marble_counts *c)
{
	return c ? &c->observer : NULL;
}

void marble_counts_activation(struct marble_counts *c, bytes type, bytes uuid, bool granted)
{
	enum metric_source source = granted ? METRIC_KNOWN : METRIC_STRANGER;
	bytes values[] = { type, uuid };
	if (!c)
		return;
	metric_count(metric_series(c->activations, values, source));
	if (granted)
		metric_count(metric_series(c->successes, values, source));
}
