#include "daemon/monitoring.h"

#include <math.h>

#include "base/version.h"
#include "metrics/process.h"

static double read_state(void *context)
{
	const struct monitoring *m = context;
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(m->coordinator);
	return mesh->state;
}

/* Of a state that can't be opened nothing is known. */
static double read_epoch(void *context)
{
	const struct monitoring *m = context;
	struct store_head head;
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(m->coordinator);
	if (mesh->state == STATE_RECOVERY)
		return NAN;
	store_head(m->store, &head);
	return (double)head.epoch;
}

static double read_rollback(void *context)
{
	const struct monitoring *m = context;
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(m->coordinator);
	return mesh->state == STATE_RECOVERY ? NAN : mesh->rolled_back;
}

static const struct metric_definition gauges[] = {
	{ "coordinator_state", "0 uninitialized, 1 recovery, 2 accepting a manifest, 3 accepting marbles.",
	  METRIC_GAUGE, .read = read_state },
	{ "coordinator_state_epoch", "Changes of the state since the deployment began.", METRIC_GAUGE,
	  .read = read_epoch },
	{ "coordinator_rollback_detected",
	  "1 after marbles have seen a newer state than this, until the manifest is updated.", METRIC_GAUGE,
	  .read = read_rollback },
};
static const struct metric_definition version = {
	"coordinator_version_info", "Always 1; the labels say what runs.", METRIC_GAUGE,
	.labels = { "version", "commit" }
};

static error *add_version(struct metrics *m)
{
	bytes values[] = { bytes_of_string(version_number), bytes_of_string(version_commit) };
	struct metric *family;
	TRY(metrics_add(m, &version, NULL, &family));
	metric_set(metric_series(family, values, METRIC_KNOWN), 1);
	return NULL;
}

error *monitoring_open(struct coordinator *coordinator, struct store *store, struct monitoring *ret)
{
	ret->coordinator = coordinator;
	ret->store = store;
	TRY(metrics_new(&ret->metrics));
	for (size_t i = 0; i < ARRAY_SIZE(gauges); i++)
		TRY(metrics_add(ret->metrics, &gauges[i], ret, NULL));
	TRY(add_version(ret->metrics));
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
