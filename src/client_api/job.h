/* Requests that wait for a key, a disk or a lock run in a worker. */
#pragma once
#include "client_api/client_api_internal.h"

enum job_speed { JOB_FAST, JOB_SLOW }; /* slow: may make keys */
/* Runs work(api, x) in a worker; it ends the exchange. */
void job_submit(struct client_api *api, struct http_exchange *x, enum job_speed speed,
		void (*work)(struct client_api *api, struct http_exchange *x));
