/* TLS over a connection that the other side has closed raises SIGPIPE, whose handling is the caller's
 * and, behind exec, the program's: it is held back in this thread and taken away. */
#pragma once
#include <signal.h>
#include <stdbool.h>

struct quiet_pipe {
	sigset_t before;
	bool was_pending;
};
struct quiet_pipe quiet_pipe_begin(void);
void quiet_pipe_end(const struct quiet_pipe *quiet);
