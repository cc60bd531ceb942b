/* The marble API: gRPC service rpc.Marble (proto/rpc.proto), in front of the coordinator. */
#pragma once
#include "coordinator/coordinator.h"
#include "marble_api/counts.h"
#include "marble_api/events.h"
#include "net/grpc.h"
#include "net/loop.h"

struct marble_api {
	struct coordinator *coordinator;
	struct workers *fast; /* activations */
	struct workers *slow; /* those that make keys that take long */
	struct marble_counts *counts; /* NULL: nobody counts, */
	struct events *events;        /* or remembers */
};
enum { MARBLE_API_REQUEST_MAX = 1 << 20 }; /* bytes; a quote has about 5 KiB */

/* An http_handler; `context` is a struct marble_api. */
void marble_api_handle(void *context, struct http_exchange *x);
