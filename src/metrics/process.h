/* What every process can say of itself, under the names that Prometheus' client libraries use. */
#pragma once
#include "metrics/metrics.h"

/* process_cpu_seconds_total, process_open_fds, process_max_fds, process_resident_memory_bytes,
 * process_virtual_memory_bytes, process_start_time_seconds (which is now). What the system does not
 * tell, as some library operating systems don't, is not shown. */
error *process_metrics_add(struct metrics *m) MUST_USE;
