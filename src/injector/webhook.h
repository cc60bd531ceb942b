/* The webhook's documents: /mutate, /healthz, /readyz. */
#pragma once
#include "injector/counts.h"
#include "net/http_server.h"

struct webhook {
	const struct injection_rules *rules;
	struct certificate_files *files;
	struct counts *counts;
	struct workers *workers; /* read and answer reviews */
	atomic_bool stopping;    /* /readyz says so */
};
/* An http_handler; `context` is the webhook. */
void webhook_handle(void *context, struct http_exchange *x);
