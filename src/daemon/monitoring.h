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
	struct coordinator *coordinator; /* borrowed, */
	struct store *store;             /* both, for as long as anybody watches */
};

/* *ret must stay where it is until monitoring_free. */
error *monitoring_open(struct coordinator *coordinator, struct store *store, struct monitoring *ret) MUST_USE;
error *monitoring_serve(struct monitoring *m, struct loops *loops, const char *address) MUST_USE;
void monitoring_free(struct monitoring *m);
