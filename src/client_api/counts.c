#include "client_api/counts.h"

#include <stdio.h>

#include "base/clock.h"

struct client_counts {
	struct metric *requests, *durations, *request_sizes, *response_sizes, *in_flight;
};

static const struct metric_definition requests = {
	"server_client_api_http_request_total", "Requests, by their answer's status.", METRIC_COUNTER,
	.labels = { "path", "code", "method" }
};
static const struct metric_definition durations = {
	"server_client_api_http_request_duration_histogram_seconds",
	"Time from the whole request to its answer, in seconds.", METRIC_HISTOGRAM,
	.labels = { "path", "method" }, .bounds = { 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5 }, .bound_count = 7
};
#define SIZE_BOUNDS .bounds = { 100, 1000, 2000, 5000, 10000 }, .bound_count = 5
static const struct metric_definition request_sizes = {
	"server_client_api_http_request_size_histogram_bytes", "Size of requests: target, headers and body.",
	METRIC_HISTOGRAM, .labels = { "path" }, SIZE_BOUNDS
};
static const struct metric_definition response_sizes = {
	"server_client_api_http_response_size_histogram_bytes", "Size of the bodies of answers.",
	METRIC_HISTOGRAM, .labels = { "path" }, SIZE_BOUNDS
};
static const struct metric_definition in_flight = {
	"server_client_api_http_in_flight_requests", "Requests that wait for their answer.", METRIC_GAUGE,
	.labels = { "path" }
};

error *client_counts_new(struct metrics *m, struct client_counts **ret)
{
	CLEANUP(client_counts_free) struct client_counts *c = calloc(1, sizeof *c);
	TRY_ALLOC(c);
	TRY(metrics_add(m, &requests, NULL, &c->requests));
	TRY(metrics_add(m, &durations, NULL, &c->durations));
	TRY(metrics_add(m, &request_sizes, NULL, &c->request_sizes));
	TRY(metrics_add(m, &response_sizes, NULL, &c->response_sizes));
	TRY(metrics_add(m, &in_flight, NULL, &c->in_flight));
	*ret = TAKE(c);
	return NULL;
}

void client_counts_free(struct client_counts *c)
{
	free(c);
}

/* Methods are the client's to invent: those that HTTP does not have are one. */
static bytes method_of(bytes method)
{
	static const struct {
		const char *sent, *shown;
	} known[] = {
		{ "GET", "get" }, { "POST", "post" }, { "HEAD", "head" }, { "PUT", "put" },
		{ "DELETE", "delete" }, { "OPTIONS", "options" }, { "PATCH", "patch" },
		{ "CONNECT", "connect" }, { "TRACE", "trace" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (bytes_equal_string(method, known[i].sent))
			return bytes_of_string(known[i].shown);
	return bytes_of_string("unknown");
}

static size_t size_of(const struct http_exchange *x)
{
	size_t size = x->method.size + x->path.size + x->query.size + x->body.size;
	for (size_t i = 0; i < x->header_count; i++)
		size += x->headers[i].name.size + x->headers[i].value.size;
	return size;
}

/* One request on its way; lives in its arena. */
struct request_count {
	struct client_counts *counts;
	bytes path, method;
	int64_t begin_us;
	struct metric_series *in_flight;
};

static void count_answer(void *context, unsigned status, size_t body_size)
{
	const struct request_count *r = context;
	char code[16];
	snprintf(code, sizeof code, "%u", status);
	bytes request[] = { r->path, bytes_of_string(code), r->method };
	bytes duration[] = { r->path, r->method };
	double seconds = (double)(clock_monotonic_us() - r->begin_us) / 1e6;
	metric_count(metric_series(r->counts->requests, request, METRIC_KNOWN));
	metric_observe(metric_series(r->counts->durations, duration, METRIC_KNOWN), seconds);
	metric_observe(metric_series(r->counts->response_sizes, &r->path, METRIC_KNOWN), (double)body_size);
	metric_add(r->in_flight, -1);
}

void client_counts_request(struct client_counts *c, struct http_exchange *x, const char *path)
{
	struct request_count *r = c ? arena_alloc(&x->arena, 1, sizeof *r) : NULL;
	if (!r)
		return;
	*r = (struct request_count){ c, bytes_of_string(path ? path : METRIC_OTHER), method_of(x->method),
				     clock_monotonic_us(), NULL };
	r->in_flight = metric_series(c->in_flight, &r->path, METRIC_KNOWN);
	metric_add(r->in_flight, 1);
	metric_observe(metric_series(c->request_sizes, &r->path, METRIC_KNOWN), (double)size_of(x));
	x->answered = count_answer;
	x->answered_context = r;
}
