#include "telemetry/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "telemetry/show.h"

enum { LOOK_MS = 60000, BATCH_BYTES = 32 << 10 };

struct access_log {
	struct telemetry *table;
	const char *path; /* borrowed */
	int file;
	uint64_t next;
	_Atomic bool ends;
	pthread_t writer;
};

static int open_file(const char *path)
{
	if (strcmp(path, "-") == 0)
		return STDERR_FILENO;
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
}

/* Who rotates logs moves the file away. */
static void follow(struct access_log *log)
{
	struct stat ours, there;
	if (log->file == STDERR_FILENO ||
	    (log->file >= 0 && fstat(log->file, &ours) == 0 && stat(log->path, &there) == 0 &&
	     ours.st_dev == there.st_dev && ours.st_ino == there.st_ino))
		return;
	if (log->file >= 0)
		close(log->file);
	log->file = open_file(log->path);
}

static bool write_whole(int file, bytes text)
{
	while (text.size) {
		ssize_t written = write(file, text.data, text.size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		text = bytes_slice(text, (size_t)written, SIZE_MAX);
	}
	return true;
}

/* False: nothing was there within the time. */
static bool write_some(struct access_log *log, unsigned timeout_ms)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	struct telemetry_entry entry;
	unsigned lines = 0;
	while (text.size < BATCH_BYTES && telemetry_next(log->table, &log->next, lines ? 0 : timeout_ms, &entry)) {
		telemetry_write_entry(log->table, &entry, &text);
		lines++;
	}
	if (!lines)
		return false;
	follow(log);
	if (text.failed || log->file < 0 || !write_whole(log->file, writer_view(&text)))
		telemetry_count(&log->table->lost, lines);
	return true;
}

static void *keep_writing(void *context)
{
	struct access_log *log = context;
	while (!log->ends)
		write_some(log, LOOK_MS);
	while (write_some(log, 0))
		;
	return NULL;
}

error *access_log_start(struct telemetry *t, const char *path, struct access_log **ret)
{
	struct access_log *log = calloc(1, sizeof *log);
	TRY_ALLOC(log);
	log->table = t;
	log->path = path;
	log->file = open_file(path);
	error *e = log->file < 0 ? error_errno(ERROR_UNAVAILABLE, errno, "%s", path) : NULL;
	if (!e && pthread_create(&log->writer, NULL, keep_writing, log) != 0)
		e = error_no_memory();
	if (e)
		free(log);
	else
		*ret = log;
	return e;
}

void access_log_finish(struct access_log *log)
{
	if (!log)
		return;
	log->ends = true;
	sem_post(&log->table->written);
	pthread_join(log->writer, NULL);
	free(log);
}
