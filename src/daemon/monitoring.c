#include "daemon/monitoring.h"

#include "daemon/commit.h"
#include "metrics/process.h"

static double read_state(void *context)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(context);
	return mesh->state;
}

static const struct metric_definition state = {
	"coordinator_state", "0 uninitialized, 1 recovery, 2 accepting a manifest, 3 accepting marbles.",
	METRIC_GAUGE, .read = read_state
};
static const struct metric_definition version = {
	"coordinator_version_info", "Always 1; the labels say what runs.", METRIC_GAUGE,
	.labels = { "version", "commit" }
};
static const struct metric_definition gauges[] = {
	[MONITORING_STATE_EPOCH] = { "coordinator_state_epoch", "Rises with every change of the state.",
				     METRIC_GAUGE },
	[MONITORING_ROLLBACK_DETECTED] = { "coordinator_rollback_detected",
					   "1 after a state older than the last one came back.", METRIC_GAUGE },
};

static error *add_version(struct metrics *m)
{
	bytes values[] = { bytes_of_string(MARBLERUN_VERSION), bytes_of_string(MARBLERUN_COMMIT) };
	struct metric *family;
	TRY(metrics_add(m, &version, NULL, &family));
	metric_set(metric_series(family, values, METRIC_KNOWN), 1);
	return NULL;
}

error *monitoring_open(struct coordinator *coordinator, struct monitoring *ret)
{
	TRY(metrics_new(&ret->metrics));
	TRY(metrics_add(ret->metrics, &state, coordinator, NULL));
	TRY(add_version(ret->metrics));
	for (size_t i = 0; i < ARRAY_SIZE(gauges); i++)
		TRY(metrics_add(ret->metrics, &gauges[i], NULL, &ret->gauges[i]));
	TRY(marble_counts_new(ret->metrics, &ret->marble_counts));
	TRY(client_counts_new(ret->metrics, &ret->client_counts));
	TRY(process_metrics_add(ret->metrics));
	return events_new(&ret->events);
}

static void write_metrics(void *context, struct writer *w)
{
	metrics_write(context, w);
}

static void write_events(void *context, struct writer *w)
{
	events_write(context, w);
}

error *monitoring_serve(struct monitoring *m, struct loops *loops, const char *address)
{
	const struct scrape_document documents[] = {
		{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics, m->metrics },
		{ "/events", "application/json", write_events, m->events },
	};
	return scrape_server_start(loops, address, documents, ARRAY_SIZE(documents), &m->server);
}

void monitoring_free(struct monitoring *m)
{
	scrape_server_free(m->server);
	events_free(m->events);
	marble_counts_free(m->marble_counts);
	client_counts_free(m->client_counts);
	metrics_free(m->metrics);
}

void monitoring_set(struct monitoring *m, enum monitoring_gauge gauge, double value)
{
	if (m->metrics)
		metric_set(metric_only(m->gauges[gauge]), value);
}
