/* What the marble API counts: gRPC calls under the names of go-grpc-prometheus, and activations. Every
 * function accepts NULL, which counts nothing. */
#pragma once
#include "metrics/metrics.h"
#include "net/grpc.h"

struct marble_counts;
/* Adds its families to the table. */
error *marble_counts_new(struct metrics *m, struct marble_counts **ret) MUST_USE;
void marble_counts_free(struct marble_counts *c);
DEFINE_CLEANUP(marble_counts_free, struct marble_counts *)
/* For grpc_dispatch; NULL when nothing is counted. */
const struct grpc_observer *marble_counts_observer(const struct marble_counts *c);
/* An attempt that ended. What a refused marble says of itself is no more than a claim. */
void marble_counts_activation(struct marble_counts *c, bytes type, bytes uuid, bool granted);
