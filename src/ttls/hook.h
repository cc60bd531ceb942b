/* For the files that put functions before the C library's. Each passes through at once what is none of ours. */
#pragma once
#include <errno.h>
#include <unistd.h>

#include "ttls/connection.h"
#include "ttls/plane.h"
#include "ttls/system.h"

#define HOOK __attribute__((visibility("default")))

/* errno stays what it was unless the call fails: programs look at it late. */
static inline struct connection *hooked(int fd)
{
	return plane.mode == PLANE_ON ? connection_of(fd) : NULL;
}

/* In a child of vfork the tables are the parent's. */
static inline bool own_process(void)
{
	return plane.process == getpid();
}

static inline int fail_with(int failure)
{
	errno = failure;
	return -1;
}

/* After the call: gives the reference back without touching errno. */
static inline void unhook(struct connection *c)
{
	int kept = errno;
	connection_put(c);
	errno = kept;
}
