/* The client API: HTTPS and JSON (JSend) in front of the coordinator; versions 1 and 2. */
#pragma once
#include "client_api/counts.h"
#include "coordinator/coordinator.h"
#include "net/http_server.h"
#include "net/loop.h"

struct client_api {
	struct coordinator *coordinator;
	struct workers *fast; /* for requests that wait for the disk */
	struct workers *slow; /* for requests that make keys */
	struct client_counts *counts; /* NULL: nobody counts */
};

/* An http_handler; `context` is a struct client_api. */
void client_api_handle(void *context, struct http_exchange *x);
