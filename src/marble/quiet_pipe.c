#include "marble/quiet_pipe.h"

#include <time.h>

static sigset_t pipe_signal(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

struct quiet_pipe quiet_pipe_begin(void)
{
	struct quiet_pipe quiet;
	sigset_t pipe = pipe_signal(), pending;
	sigpending(&pending);
	quiet.was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &quiet.before);
	return quiet;
}

void quiet_pipe_end(const struct quiet_pipe *quiet)
{
	static const struct timespec at_once;
	sigset_t pipe = pipe_signal();
	if (!quiet->was_pending)
		sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}
