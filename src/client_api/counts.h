/* What the client API counts: requests, their time and sizes, by endpoint. */
#pragma once
#include "metrics/metrics.h"
#include "net/http_server.h"

struct client_counts;
/* Adds its families to the table. */
error *client_counts_new(struct metrics *m, struct client_counts **ret) MUST_USE;
void client_counts_free(struct client_counts *c);
DEFINE_CLEANUP(client_counts_free, struct client_counts *)
/* Counts this request, and its answer when it comes. `path` is the endpoint's, NULL when there is none.
 * Without `c` nothing is counted. */
void client_counts_request(struct client_counts *c, struct http_exchange *x, const char *path);
