/* Which programs a preloaded library can reach. */
#pragma once
#include "base/error.h"

/* `file`: the program, open for reading; `path`: its name for messages. Follows scripts to their interpreters.
 * ERROR_UNSUPPORTED, with what to do, for programs that would run without the library: statically linked ones, Go's
 * (which call the kernel themselves), those of another C library or another machine, set-uid and set-gid ones and those
 * with file capabilities. */
error *reach_check(int file, const char *path) MUST_USE;
/* The same for a file by its path; for a name without '/', by the folders of PATH. */
error *reach_check_name(const char *name) MUST_USE;
