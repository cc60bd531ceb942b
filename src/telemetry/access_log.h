/* Writes the access log: JSON, a line for each connection that has ended or was refused. */
#pragma once
#include "base/error.h"
#include "telemetry/table.h"

struct access_log;
/* Into the file `path`, at its end, or to standard error ("-"). A file that was moved away is made anew.
 * ERROR_UNAVAILABLE when it can't be opened. Its own thread writes; what can't be written is counted as lost. */
error *access_log_start(struct telemetry *t, const char *path, struct access_log **ret) MUST_USE;
/* Writes what is left, and ends. NULL is accepted. */
void access_log_finish(struct access_log *log);
