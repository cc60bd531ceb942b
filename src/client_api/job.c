#include "client_api/job.h"

#include <stdlib.h>

struct job {
	struct client_api *api;
	struct http_exchange *x;
	void (*work)(struct client_api *api, struct http_exchange *x);
};

static void run(void *context)
{
	struct job job = *(struct job *)context;
	free(context);
	job.work(job.api, job.x);
}

static error *submit(struct client_api *api, struct http_exchange *x, enum job_speed speed,
		     void (*work)(struct client_api *api, struct http_exchange *x))
{
	struct job *job = calloc(1, sizeof *job);
	TRY_ALLOC(job);
	*job = (struct job){ api, x, work };
	error *e = workers_submit(speed == JOB_SLOW ? api->slow : api->fast, run, job);
	if (e)
		free(job);
	return e;
}

void job_submit(struct client_api *api, struct http_exchange *x, enum job_speed speed,
		void (*work)(struct client_api *api, struct http_exchange *x))
{
	error *e = submit(api, x, speed, work);
	if (e)
		jsend_error(x, e);
}
