/* What the coordinator tells whoever watches it: GET /metrics and GET /events, over plain HTTP, at an
 * address of its own. Off unless there is one; then nothing is counted. */
#pragma once
#include "client_api/counts.h"
#include "coordinator/coordinator.h"
#include "marble_api/counts.h"
#include "marble_api/events.h"
#include "metrics/scrape.h"

/* All of it NULL: nobody watches. */
struct monitoring {
	struct metrics *metrics;
	struct client_counts *client_counts;
	struct marble_counts *marble_counts;
	struct events *events;
	struct scrape_server *server;
	struct metric *gauges[2]; /* by enum monitoring_gauge */
};

error *monitoring_open(struct coordinator *coordinator, struct monitoring *ret) MUST_USE;
error *monitoring_serve(struct monitoring *m, struct loops *loops, const char *address) MUST_USE;
void monitoring_free(struct monitoring *m);

/* Shown once they have been set. Nothing happens when nobody watches. From any thread. */
enum monitoring_gauge {
	MONITORING_STATE_EPOCH,       /* coordinator_state_epoch: rises with every change of the state */
	MONITORING_ROLLBACK_DETECTED, /* coordinator_rollback_detected: 1 after an older state came back */
};
void monitoring_set(struct monitoring *m, enum monitoring_gauge gauge, double value);
