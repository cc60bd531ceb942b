#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/loop.h"

struct job {
	struct job *next;
	void (*work)(void *context);
	void *context;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *first, **last;
	size_t queued, queue_max;
	bool stopping;
	int nice;
	unsigned count;
	pthread_t threads[];
};

static struct job *next_job(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->stopping)
		pthread_cond_wait(&w->changed, &w->lock);
	struct job *job = w->first;
	if (job) {
		w->first = job->next;
		w->queued--;
		if (!w->first)
			w->last = &w->first;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *run(void *context)
{
	struct workers *w = context;
	struct job *job;
	/* Linux gives each thread a nice value of its own. Where it can't be set (some LibOSes), these
	 * threads compete as equals. */
	if (w->nice)
		(void)!setpriority(PRIO_PROCESS, (id_t)gettid(), w->nice);
	while ((job = next_job(w))) {
		job->work(job->context);
		free(job);
	}
	return NULL;
}

error *workers_new(unsigned threads, int nice, size_t queue_max, struct workers **ret)
{
	struct workers *w = calloc(1, sizeof *w + threads * sizeof w->threads[0]);
	TRY_ALLOC(w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->last = &w->first;
	w->queue_max = queue_max;
	w->nice = nice;
	for (; w->count < threads; w->count++) {
		int failed = pthread_create(&w->threads[w->count], NULL, run, w);
		if (failed) {
			workers_free(w);
			return error_errno(ERROR_UNAVAILABLE, failed, "starting a thread");
		}
	}
	*ret = w;
	return NULL;
}

error *workers_submit(struct workers *w, void (*work)(void *context), void *context)
{
	struct job *job = malloc(sizeof *job);
	TRY_ALLOC(job);
	*job = (struct job){ NULL, work, context };
	pthread_mutex_lock(&w->lock);
	bool room = w->queued < w->queue_max && !w->stopping;
	if (room) {
		*w->last = job;
		w->last = &job->next;
		w->queued++;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	if (room)
		return NULL;
	free(job);
	return error_new(ERROR_UNAVAILABLE, "too many requests wait already; try again later");
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	free(w);
}
