#include "metrics/process.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { STATM_BYTES_MAX = 256 };

/* proc(5), /proc/[pid]/statm: size and resident set, in pages, come first. */
static double statm(int field)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	unsigned long long pages[2];
	char line[STATM_BYTES_MAX + 1] = "";
	error *e = file_read("/proc/self/statm", STATM_BYTES_MAX, &text);
	if (!e)
		memcpy(line, text.data, text.size);
	error_free(e);
	if (sscanf(line, "%llu %llu", &pages[0], &pages[1]) != 2)
		return NAN;
	return (double)pages[field] * (double)sysconf(_SC_PAGESIZE);
}

static double virtual_memory(void *context)
{
	(void)context;
	return statm(0);
}

static double resident_memory(void *context)
{
	(void)context;
	return statm(1);
}

static double processor_seconds(void *context)
{
	struct timespec used;
	(void)context;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
		return NAN;
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double open_descriptors(void *context)
{
	DIR *folder = opendir("/proc/self/fd");
	double count = -1; /* the folder itself */
	(void)context;
	if (!folder)
		return NAN;
	for (const struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static double most_descriptors(void *context)
{
	struct rlimit files;
	(void)context;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return NAN;
	return files.rlim_cur == RLIM_INFINITY ? INFINITY : (double)files.rlim_cur;
}

static const struct metric_definition start_time = {
	"process_start_time_seconds", "When the process started, in seconds since 1970.", METRIC_GAUGE
};
static const struct metric_definition figures[] = {
	{ "process_cpu_seconds_total", "Processor time used, user and system, in seconds.", METRIC_COUNTER,
	  .read = processor_seconds },
	{ "process_open_fds", "Open file descriptors.", METRIC_GAUGE, .read = open_descriptors },
	{ "process_max_fds", "Most file descriptors that may be open.", METRIC_GAUGE,
	  .read = most_descriptors },
	{ "process_resident_memory_bytes", "Resident memory.", METRIC_GAUGE, .read = resident_memory },
	{ "process_virtual_memory_bytes", "Virtual memory.", METRIC_GAUGE, .read = virtual_memory },
};

error *process_metrics_add(struct metrics *m)
{
	struct metric *start;
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		TRY(metrics_add(m, &figures[i], NULL, NULL));
	TRY(metrics_add(m, &start_time, NULL, &start));
	metric_set(metric_only(start), (double)clock_now());
	return NULL;
}
