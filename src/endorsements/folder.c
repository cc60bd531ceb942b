#include "endorsements/folder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One reading of the folder; the last who holds it frees it. */
struct reading {
	size_t holders; /* guarded by the folder's lock */
	marblerun_collateral_set *set;
	struct timespec changed;
};

struct endorsement_folder {
	char *path, *watched;
	pthread_mutex_t lock;
	struct reading *newest;
};

static void reading_release(struct reading *reading)
{
	if (!reading || --reading->holders)
		return;
	marblerun_collateral_free(reading->set);
	free(reading);
}

/* The file that changes whenever the platform's TCB does. */
static struct timespec last_change(const struct endorsement_folder *folder)
{
	struct stat file;
	return stat(folder->watched, &file) == 0 ? file.st_mtim : (struct timespec){ 0 };
}

static error *read_folder(const char *path, struct timespec changed, struct reading **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	struct reading *reading = calloc(1, sizeof *reading);
	TRY_ALLOC(reading);
	if (marblerun_collateral_read(path, &reading->set, reason) != 0) {
		free(reading);
		return error_new(ERROR_UNAVAILABLE, "reading endorsements: %s", reason);
	}
	reading->holders = 1;
	reading->changed = changed;
	*ret = reading;
	return NULL;
}

static error *refresh(struct endorsement_folder *folder)
{
	struct timespec now = last_change(folder);
	struct reading *fresh, *old = folder->newest;
	if (old && old->changed.tv_sec == now.tv_sec && old->changed.tv_nsec == now.tv_nsec)
		return NULL;
	TRY(read_folder(folder->path, now, &fresh));
	folder->newest = fresh;
	reading_release(old);
	return NULL;
}

static error *get(void *context, bytes evidence, const struct marblerun_collateral **ret,
		  void **ret_hold)
{
	struct endorsement_folder *folder = context;
	(void)evidence;
	pthread_mutex_lock(&folder->lock);
	error *e = refresh(folder);
	if (!e) {
		folder->newest->holders++;
		*ret_hold = folder->newest;
		*ret = marblerun_collateral_of(folder->newest->set);
	}
	pthread_mutex_unlock(&folder->lock);
	return e;
}

static void release(void *context, void *hold)
{
	struct endorsement_folder *folder = context;
	pthread_mutex_lock(&folder->lock);
	reading_release(hold);
	pthread_mutex_unlock(&folder->lock);
}

error *endorsement_folder_open(const char *path, struct endorsement_folder **ret)
{
	CLEANUP(endorsement_folder_close) struct endorsement_folder *folder = calloc(1, sizeof *folder);
	TRY_ALLOC(folder);
	pthread_mutex_init(&folder->lock, NULL);
	folder->path = strdup(path);
	TRY_ALLOC(folder->path);
	if (asprintf(&folder->watched, "%s/tcb_info.json", path) < 0) {
		folder->watched = NULL;
		return error_no_memory();
	}
	TRY(refresh(folder));
	*ret = TAKE(folder);
	return NULL;
}

void endorsement_folder_close(struct endorsement_folder *folder)
{
	if (!folder)
		return;
	reading_release(folder->newest);
	pthread_mutex_destroy(&folder->lock);
	free(folder->path);
	free(folder->watched);
	free(folder);
}

struct endorsements endorsement_folder_use(struct endorsement_folder *folder)
{
	return (struct endorsements){ folder, get, release };
}
